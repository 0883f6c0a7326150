package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;
import java.util.List;

/** A backend whose kernels are replaced by others. */
record ReplacedKernels(Backend backend, Kernels kernels) implements Backend {
  @Override
  public String name() {
    return backend.name();
  }

  @Override
  public Device device() {
    return backend.device();
  }

  @Override
  public boolean computes() {
    return backend.computes();
  }

  @Override
  public boolean compiledHere() {
    return backend.compiledHere();
  }

  @Override
  public long memory(MemorySegment host) {
    return backend.memory(host);
  }

  @Override
  public void hostReads(Tensor t) {
    backend.hostReads(t);
  }

  @Override
  public void hostWrites(Tensor t) {
    backend.hostWrites(t);
  }

  @Override
  public void onHost(List<Tensor> reads, List<Tensor> writes, Runnable work) {
    backend.onHost(reads, writes, work);
  }

  @Override
  public void synchronize() {
    backend.synchronize();
  }

  @Override
  public void close() {
    backend.close();
  }
}

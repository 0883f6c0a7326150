package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * An open compute backend of one worker: its kernels and their memory. Single-threaded: one thread
 * calls it, and it uses at most the threads it was opened with. A backend on host memory whose
 * calls return when their work is done only needs to implement its name and kernels.
 */
public interface Backend extends AutoCloseable {
  /** The provider's name: {@code scalar}, {@code vector}, {@code onednn}, {@code torch}. */
  String name();

  Kernels kernels();

  /** Where the kernels compute. */
  default Device device() {
    return Device.CPU;
  }

  /** Whether kernels compute; if not, they do nothing, and there is no memory. */
  default boolean computes() {
    return true;
  }

  /**
   * Whether some kernels are Java code, whose speed depends on how the JIT compiled them in this
   * process. Kernels of a native library do not change.
   */
  default boolean compiledHere() {
    return true;
  }

  /**
   * Memory for tensors, zeroed and aligned for a {@link Workspace}. All tensors passed to kernels
   * are in it, and the host accesses them there by the rules of {@link #hostReads} and {@link
   * #hostWrites}. On a CPU it is {@code host} itself, which must outlive the backend. A device
   * backend allocates the same number of bytes itself until it is closed, and does not use {@code
   * host}.
   *
   * @param host zeroed
   * @return the host's address of the first byte
   */
  default long memory(MemorySegment host) {
    return host.address();
  }

  /**
   * Returns when the host may read a tensor. The results of all kernels called so far are then at
   * its address, and stay there until a kernel that writes it is called.
   */
  default void hostReads(Tensor t) {}

  /**
   * Returns when the host, or a message it receives, may write a tensor. Kernels that read it must
   * be called after the write, and then see the written values. The host must write every element,
   * because earlier results of kernels are lost unless {@link #hostReads} was called first.
   */
  default void hostWrites(Tensor t) {}

  /**
   * Work of the host on tensors, between kernels: calls {@link #hostReads} and {@link #hostWrites},
   * and runs it. A backend without memory does not run it.
   *
   * @param reads tensors that the work reads
   * @param writes tensors of which it writes every element
   */
  default void onHost(List<Tensor> reads, List<Tensor> writes, Runnable work) {
    reads.forEach(this::hostReads);
    writes.forEach(this::hostWrites);
    work.run();
  }

  /** Returns when all kernels called so far are done. */
  default void synchronize() {}

  /**
   * This backend with other kernels, to watch or replace some of them. Closing it closes this one.
   */
  default Backend withKernels(Kernels others) {
    return new ReplacedKernels(this, others);
  }

  @Override
  default void close() {}
}

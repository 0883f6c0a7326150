package dev.gyre.kernels.conformance;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.ScalarKernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * The least obliging device there can be. It computes nothing before {@link #synchronize}, as if
 * its stream were always behind; its memory is its own, and what it was offered instead is filled
 * with NaN; a kernel given any other memory fails. Who computes right on it neither reads results
 * too early, nor changes inputs too early, nor confuses the two memories. It is there to test
 * callers with, and computes with the scalar twin.
 */
public final class DeferredBackend implements Backend {
  public static final String NAME = "deferred";

  private static final byte NOT_A_NUMBER = (byte) 0xff;

  private final Arena arena = Arena.ofShared();
  private final Kernels scalar = new ScalarKernels();
  private final Deque<KernelCall> waiting = new ArrayDeque<>();
  private final List<MemorySegment> own = new ArrayList<>();
  private final Kernels kernels = KernelCall.receivedBy(this::later);

  private void later(KernelCall call) {
    Object[] copies = call.arguments().clone();
    for (int i = 0; i < copies.length; i++) {
      if (copies[i] instanceof int[] list) {
        copies[i] = list.clone(); // the caller may use its array again
      } else if (copies[i] instanceof Tensor t && own.stream().noneMatch(m -> holds(m, t))) {
        throw new IllegalArgumentException(
            "%s: argument %d, %s, is not in the backend's memory".formatted(call.kernel(), i, t));
      }
    }
    waiting.add(new KernelCall(call.method(), copies));
  }

  private static boolean holds(MemorySegment memory, Tensor t) {
    long at = t.address() - memory.address();
    return t.elements() == 0 || (at >= 0 && at + t.byteSize() <= memory.byteSize());
  }

  @Override
  public String name() {
    return NAME;
  }

  @Override
  public Kernels kernels() {
    return kernels;
  }

  @Override
  public long memory(MemorySegment host) {
    host.fill(NOT_A_NUMBER);
    MemorySegment memory = arena.allocate(host.byteSize(), Workspace.ALIGNMENT_BYTES);
    own.add(memory);
    return memory.address();
  }

  @Override
  public void synchronize() {
    while (!waiting.isEmpty()) {
      waiting.remove().on(scalar);
    }
  }

  @Override
  public void close() {
    waiting.clear();
    arena.close();
  }
}

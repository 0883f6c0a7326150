package dev.gyre.kernels.conformance;

import dev.gyre.kernels.Backend;
import dev.gyre.kernels.KernelCall;
import dev.gyre.kernels.Kernels;
import dev.gyre.kernels.Tensor;
import dev.gyre.kernels.Workspace;
import dev.gyre.kernels.scalar.ScalarKernels;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A device that grants callers no more than the contract, to test them with. It computes nothing
 * before the host waits, as if its stream were always behind. Its memory is its own: the host
 * memory offered to it is filled with NaN, and a kernel given any other memory fails. Kernels
 * compute in a second copy of that memory. They see what the host wrote only where it called {@link
 * #hostWrites}, and their results are NaN for a host that did not call {@link #hostReads}. Correct
 * results show that a caller omits neither call, does not change inputs too early, and does not
 * confuse the memories. The scalar twin computes the kernels.
 */
public final class DeferredBackend implements Backend {
  public static final String NAME = "deferred";

  private static final byte NOT_A_NUMBER = (byte) 0xff;

  /**
   * @param hostNewer bytes that the host has written, or is about to, since the last upload
   * @param moved counts bytes copied between host and device
   */
  private record Slab(
      MemorySegment host, MemorySegment device, BitSet hostNewer, AtomicLong moved) {
    boolean holds(Tensor t) {
      long at = t.address() - host.address();
      return at >= 0 && at + t.byteSize() <= host.byteSize();
    }

    private int from(Tensor t) {
      return Math.toIntExact(t.address() - host.address());
    }

    private int to(Tensor t) {
      return from(t) + Math.toIntExact(t.byteSize());
    }

    void hostWrites(Tensor t) {
      hostNewer.set(from(t), to(t));
    }

    void hostReads(Tensor t) {
      int at = hostNewer.nextClearBit(from(t));
      while (at < to(t)) {
        int next = hostNewer.nextSetBit(at);
        int end = next < 0 ? to(t) : Math.min(next, to(t));
        MemorySegment.copy(device, at, host, at, end - at);
        moved.addAndGet(end - at);
        at = hostNewer.nextClearBit(end);
      }
    }

    /** The tensor on the device, after all that the host wrote of it was copied there. */
    Tensor there(Tensor t) {
      int at = hostNewer.nextSetBit(from(t));
      while (at >= 0 && at < to(t)) {
        int end = Math.min(hostNewer.nextClearBit(at), to(t));
        MemorySegment.copy(host, at, device, at, end - at);
        moved.addAndGet(end - at);
        hostNewer.clear(at, end);
        at = hostNewer.nextSetBit(end);
      }
      long[] dims = new long[t.rank()];
      for (int i = 0; i < dims.length; i++) {
        dims[i] = t.dim(i);
      }
      return new Tensor(device.address() + from(t), t.dtype(), dims);
    }

    /** The host's elements that differ from the device's become NaN. */
    void spoil(Tensor t) {
      int bytes = t.dtype().bytes();
      long at = from(t);
      while (at < to(t)) {
        long same = MemorySegment.mismatch(host, at, to(t), device, at, to(t));
        if (same < 0) {
          return;
        }
        at += same - same % bytes;
        host.asSlice(at, bytes).fill(NOT_A_NUMBER);
        at += bytes;
      }
    }
  }

  private final Arena arena = Arena.ofShared();
  private final Kernels scalar = ScalarKernels.create();
  private final Deque<KernelCall> waiting = new ArrayDeque<>();
  private final AtomicLong moved = new AtomicLong();
  private final List<Slab> slabs = new ArrayList<>();
  private final Kernels kernels = KernelCall.receivedBy(this::later);

  private void later(KernelCall call) {
    Object[] copies = call.arguments().clone();
    for (int i = 0; i < copies.length; i++) {
      if (copies[i] instanceof int[] list) {
        copies[i] = list.clone(); // the caller may use its array again
      } else if (copies[i] instanceof double[] list) {
        copies[i] = list.clone();
      } else if (copies[i] instanceof Tensor t
          && t.elements() > 0
          && slabs.stream().noneMatch(slab -> slab.holds(t))) {
        throw new IllegalArgumentException(
            "%s: argument %d, %s, is not in the backend's memory".formatted(call.kernel(), i, t));
      }
    }
    waiting.add(new KernelCall(call.method(), copies));
  }

  private Slab slab(Tensor t) {
    for (Slab slab : slabs) {
      if (slab.holds(t)) {
        return slab;
      }
    }
    throw new IllegalArgumentException(t + " is not in the backend's memory");
  }

  private void compute(KernelCall call) {
    Object[] there = call.arguments().clone();
    for (int i = 0; i < there.length; i++) {
      if (there[i] instanceof Tensor t && t.elements() > 0) {
        there[i] = slab(t).there(t);
      }
    }
    new KernelCall(call.method(), there).on(scalar);
    for (Object argument : call.arguments()) {
      if (argument instanceof Tensor t && t.elements() > 0) {
        slab(t).spoil(t);
      }
    }
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
    long bytes = host.byteSize();
    Slab slab =
        new Slab(
            arena.allocate(bytes, Workspace.ALIGNMENT_BYTES),
            arena.allocate(bytes, Workspace.ALIGNMENT_BYTES),
            new BitSet(),
            moved);
    slabs.add(slab);
    return slab.host.address();
  }

  /** Bytes copied between host and device so far. */
  public long bytesMoved() {
    return moved.get();
  }

  @Override
  public void hostReads(Tensor t) {
    synchronize();
    if (t.elements() > 0) {
      slab(t).hostReads(t);
    }
  }

  @Override
  public void hostWrites(Tensor t) {
    synchronize();
    if (t.elements() > 0) {
      slab(t).hostWrites(t);
    }
  }

  @Override
  public void synchronize() {
    while (!waiting.isEmpty()) {
      compute(waiting.remove());
    }
  }

  @Override
  public void close() {
    waiting.clear();
    arena.close();
  }
}

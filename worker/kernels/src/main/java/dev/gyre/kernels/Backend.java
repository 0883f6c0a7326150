package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;

/**
 * An open compute backend of one worker: its kernels and the memory they reach. Single-threaded:
 * one thread calls, and the backend itself uses at most the threads it was opened with. A backend
 * on host memory whose calls return when their work is done need not say more than its name and
 * kernels.
 */
public interface Backend extends AutoCloseable {
  /** The provider's name: {@code scalar}, {@code vector}, {@code onednn}, {@code torch}. */
  String name();

  Kernels kernels();

  /** Where the kernels compute. */
  default Device device() {
    return Device.CPU;
  }

  /**
   * Whether some kernels are Java, as fast as the just-in-time compiler has made them in this
   * process. Those of a library that is compiled already are what they are.
   */
  default boolean compiledHere() {
    return true;
  }

  /**
   * Memory for tensors, zeroed and aligned for a {@link Workspace}. All tensors that kernels are
   * given lie in it, and the host reaches them there as {@link #hostReads} and {@link #hostWrites}
   * allow. On a CPU it is {@code host} itself, which must outlive the backend; a device's backend
   * allocates as many bytes of its own, until it is closed, and leaves {@code host} alone.
   *
   * @param host zeroed
   * @return the host's address of the first byte
   */
  default long memory(MemorySegment host) {
    return host.address();
  }

  /**
   * Returns when the host may read a tensor: what kernels called so far write to it is at its
   * address, and stays there until a kernel is called that writes it.
   */
  default void hostReads(Tensor t) {}

  /**
   * Returns when the host, or a message that it receives, may write a tensor. Kernels that read it
   * are called when it is written, and see what was. Every element has to be: what a kernel left
   * there is gone, unless {@link #hostReads} came first.
   */
  default void hostWrites(Tensor t) {}

  /** Returns when all kernels called so far are done. */
  default void synchronize() {}

  /** This backend but for its kernels, to watch or replace some of them. Closing it closes this. */
  default Backend withKernels(Kernels others) {
    return new ReplacedKernels(this, others);
  }

  @Override
  default void close() {}
}

package dev.gyre.kernels;

import java.lang.foreign.MemorySegment;

/**
 * An open compute backend of one worker: its kernels and the memory they reach. Single-threaded:
 * one thread calls, and the backend itself uses at most the threads it was opened with.
 */
public interface Backend extends AutoCloseable {
  /** The provider's name: {@code scalar}, {@code vector}, {@code onednn}, {@code torch}. */
  String name();

  Kernels kernels();

  /** Whether kernels read and write host memory directly. */
  boolean hostMemory();

  /**
   * Memory for tensors, aligned for a {@link Workspace}. On a host-memory backend {@code host}
   * itself is used (it must outlive the backend); a device backend allocates as many bytes on the
   * device.
   *
   * @return address of the first byte
   */
  long memory(MemorySegment host);

  /** Returns when all kernels called so far are done and their results visible to the host. */
  void synchronize();

  @Override
  void close();
}

package dev.gyre.kernels.torch;

/**
 * The device operations that {@link Mirrors} needs: memory on host and device, and three queues
 * that run concurrently. Only events order the work of different queues.
 */
interface Lanes extends AutoCloseable {
  /**
   * Uploads and downloads have separate queues, so that uploads do not wait for a download that
   * waits for a kernel.
   */
  enum Lane {
    UPLOAD,
    COMPUTE,
    DOWNLOAD
  }

  /** Address of zeroed page-locked host memory, for asynchronous copies; valid until closed. */
  long pageLocked(long bytes);

  /** Address of device memory with undefined contents; valid until closed. */
  long onDevice(long bytes);

  /** Queues a copy on {@link Lane#UPLOAD}. */
  void upload(long host, long device, long bytes);

  /** Queues a copy on {@link Lane#DOWNLOAD}. */
  void download(long device, long host, long bytes);

  /** Records an event that completes after all work queued on a lane so far; numbers ascend. */
  int record(Lane lane);

  /** Work queued on the lane from now on starts after the event. */
  void waitFor(Lane lane, int event);

  /** Returns after the event. */
  void await(int event);

  /** Returns when all lanes are idle. Earlier events become invalid. */
  void drain();

  @Override
  void close();
}

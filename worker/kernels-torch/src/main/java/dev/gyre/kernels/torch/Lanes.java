package dev.gyre.kernels.torch;

/**
 * What {@link Mirrors} asks of a device: memory on both sides, and three queues of work that run
 * beside each other. Nothing but an event orders one queue's work after another's.
 */
interface Lanes extends AutoCloseable {
  /** Uploads and downloads are apart: a download waits for a kernel, and no upload behind it. */
  enum Lane {
    UPLOAD,
    COMPUTE,
    DOWNLOAD
  }

  /** Address of zeroed host memory that copies leave and reach without the host, until closed. */
  long pageLocked(long bytes);

  /** Address of device memory, of any content, until closed. */
  long onDevice(long bytes);

  /** Queues a copy on {@link Lane#UPLOAD}. */
  void upload(long host, long device, long bytes);

  /** Queues a copy on {@link Lane#DOWNLOAD}. */
  void download(long device, long host, long bytes);

  /** An event that comes when all that a lane has been given so far is done; numbers ascend. */
  int record(Lane lane);

  /** What a lane is given from here on starts after the event. */
  void waitFor(Lane lane, int event);

  /** Returns after the event. */
  void await(int event);

  /** Returns when all lanes are idle. Events recorded before mean nothing any more. */
  void drain();

  @Override
  void close();
}

package dev.gyre.coordinator;

import dev.gyre.comms.control.ToWorker;

/**
 * The coordinator's end of one worker's stream. No method blocks, or throws if the stream is
 * broken.
 */
interface WorkerLink {
  void send(ToWorker message);

  /** Ends the stream normally. */
  void complete();

  /** Rejects a worker that is not part of this run, and ends its stream. */
  void refuse(String reason);
}

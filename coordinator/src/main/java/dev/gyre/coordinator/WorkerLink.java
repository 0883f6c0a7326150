package dev.gyre.coordinator;

import dev.gyre.comms.control.ToWorker;

/**
 * The coordinator's end of one worker's stream. Nothing here blocks or throws when it is broken.
 */
interface WorkerLink {
  void send(ToWorker message);

  /** Ends the stream in good order. */
  void complete();

  /** Ends the stream of a worker that is no part of this run. */
  void refuse(String reason);
}

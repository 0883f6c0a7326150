package dev.gyre.coordinator;

import dev.gyre.comms.control.Failure;

/** A sign that a rank is in trouble. */
sealed interface Evidence {
  /** The rank said so itself. */
  record Reported(Failure failure) implements Evidence {}

  /** Its process ended; the launcher's word. */
  record Exited(WorkerExit exit) implements Evidence {}

  /** Its stream broke before it had finished. */
  record Broken(String how) implements Evidence {}

  /** Nothing was heard for a lease. */
  record Silent(long nanos) implements Evidence {}
}

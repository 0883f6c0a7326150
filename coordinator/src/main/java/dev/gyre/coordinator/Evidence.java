package dev.gyre.coordinator;

import dev.gyre.comms.control.Failure;

/** Evidence that a rank has failed. */
sealed interface Evidence {
  /** The rank reported its own failure. */
  record Reported(Failure failure) implements Evidence {}

  /** Its process ended, as the launcher reports. */
  record Exited(WorkerExit exit) implements Evidence {}

  /** Its stream broke before it had finished. */
  record Broken(String how) implements Evidence {}

  /** No message arrived for the length of a lease. */
  record Silent(long nanos) implements Evidence {}
}

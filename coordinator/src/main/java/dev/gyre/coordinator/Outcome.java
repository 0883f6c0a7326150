package dev.gyre.coordinator;

import dev.gyre.comms.ExitCode;
import org.jspecify.annotations.Nullable;

/**
 * How a run ended.
 *
 * @param state {@link JobState#DONE} or {@link JobState#FAILED}
 * @param exit what the hosting process should end with
 * @param message one line for the user: the cause, with the rank if there is one
 * @param culprit the rank that caused the failure, −1 if none did
 * @param newestCheckpoint the newest committed checkpoint's folder: of this run, or else the one it
 *     resumed from; null if there is none
 */
public record Outcome(
    JobState state, ExitCode exit, String message, int culprit, @Nullable String newestCheckpoint) {
  public Outcome {
    if (state != JobState.DONE && state != JobState.FAILED) {
      throw new IllegalArgumentException(
          "outcome in state " + state + "; DONE or FAILED end a run");
    }
  }
}

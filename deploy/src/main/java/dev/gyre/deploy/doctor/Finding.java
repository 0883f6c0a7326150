package dev.gyre.deploy.doctor;

import dev.gyre.comms.ExitCode;

/**
 * One thing that was looked at.
 *
 * @param subject for example {@code open files}
 * @param value what was found
 * @param advice what to change; empty where all is well
 * @param exit what a command that needs this to be well should end with; DONE unless it is broken
 */
public record Finding(Level level, String subject, String value, String advice, ExitCode exit) {
  static Finding ok(String subject, String value) {
    return new Finding(Level.OK, subject, value, "", ExitCode.DONE);
  }

  static Finding couldBeBetter(String subject, String value, String advice) {
    return new Finding(Level.COULD_BE_BETTER, subject, value, advice, ExitCode.DONE);
  }

  /**
   * @param exit BAD_JOB where something must be set up otherwise, TRY_AGAIN where it may pass
   */
  static Finding broken(String subject, String value, String advice, ExitCode exit) {
    return new Finding(Level.BROKEN, subject, value, advice, exit);
  }
}

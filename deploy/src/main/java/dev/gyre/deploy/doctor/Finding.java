package dev.gyre.deploy.doctor;

import dev.gyre.comms.ExitCode;

/**
 * The result of one check.
 *
 * @param subject for example {@code open files}
 * @param value what was found
 * @param advice what to change; empty if nothing is wrong
 * @param exit exit code of a command that depends on this; DONE unless the level is broken
 */
public record Finding(Level level, String subject, String value, String advice, ExitCode exit) {
  static Finding ok(String subject, String value) {
    return new Finding(Level.OK, subject, value, "", ExitCode.DONE);
  }

  static Finding couldBeBetter(String subject, String value, String advice) {
    return new Finding(Level.COULD_BE_BETTER, subject, value, advice, ExitCode.DONE);
  }

  /**
   * @param exit BAD_JOB if the configuration must change, TRY_AGAIN if the problem may be temporary
   */
  static Finding broken(String subject, String value, String advice, ExitCode exit) {
    return new Finding(Level.BROKEN, subject, value, advice, exit);
  }
}

package dev.gyre.deploy.job;

/** A job file that cannot be run: the message holds file, line, key, value and the way out. */
public final class JobFileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JobFileException(String message) {
    super(message);
  }
}

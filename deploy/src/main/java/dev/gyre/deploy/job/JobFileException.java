package dev.gyre.deploy.job;

/** An invalid job file. The message holds file, line, key, value and what to do. */
public final class JobFileException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  JobFileException(String message) {
    super(message);
  }
}

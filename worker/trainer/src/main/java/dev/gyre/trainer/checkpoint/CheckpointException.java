package dev.gyre.trainer.checkpoint;

import java.io.IOException;

/**
 * A checkpoint that is damaged, or lacks a requested tensor. The message names the file or tensor
 * and what is wrong with it.
 */
public final class CheckpointException extends IOException {
  private static final long serialVersionUID = 1L;

  public CheckpointException(String message) {
    super(message);
  }

  CheckpointException(String message, Throwable cause) {
    super(message, cause);
  }
}

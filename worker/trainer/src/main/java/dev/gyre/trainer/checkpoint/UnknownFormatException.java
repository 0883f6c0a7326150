package dev.gyre.trainer.checkpoint;

import java.io.IOException;

/** A checkpoint in a format that this build does not read; it need not be damaged. */
public final class UnknownFormatException extends IOException {
  private static final long serialVersionUID = 1L;

  UnknownFormatException(String where, Object found, Object read) {
    super(
        "%s has format %s, this build reads %s; use the build that wrote it"
            .formatted(where, found, read));
  }
}

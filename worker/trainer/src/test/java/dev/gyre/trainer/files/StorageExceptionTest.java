package dev.gyre.trainer.files;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

class StorageExceptionTest {
  private static String message(IOException cause) {
    return StorageException.of(Path.of("runs", "a", "metrics.jsonl"), cause).getMessage();
  }

  @Test
  void messagesNameTheFileTheReasonAndTheWayOut() {
    assertEquals(
        "runs/a/metrics.jsonl: No space left on device; free some and continue with --resume",
        message(new IOException("No space left on device")));
    assertEquals(
        "runs/a/other: No space left on device; free some and continue with --resume",
        message(new FileSystemException("runs/a/other", null, "No space left on device")));
    assertTrue(message(new IOException("Disk quota exceeded")).endsWith("continue with --resume"));
    String tooLarge = message(new IOException("File too large"));
    assertTrue(tooLarge.contains("metrics.jsonl: File too large; "), tooLarge);
    assertTrue(tooLarge.contains("ulimit -f"), tooLarge);
    assertEquals("runs/a/x: permission denied", message(new AccessDeniedException("runs/a/x")));
    assertEquals(
        "runs/a/metrics.jsonl: Input/output error", message(new IOException("Input/output error")));
    StorageException saving =
        StorageException.of(Path.of("c", "s"), new IOException("No space left on device"))
            .during("saving step 100");
    assertEquals(
        "saving step 100: c/s: No space left on device; free some and continue with --resume",
        saving.getMessage());
  }

  @Test
  void aFullDiskIsNamedWithTheSizeOfTheFileAndTheFreeSpace() {
    Path file = Path.of("rank-00000.safetensors");
    String full =
        StorageException.of(file, 12_345_678, new IOException("No space left on device"))
            .getMessage();
    assertTrue(
        full.matches(
            "rank-00000.safetensors: No space left on device \\(it takes 12\\.3 MB, [0-9]+\\.[0-9]"
                + " MB are free\\); free some and continue with --resume"),
        full);
    assertEquals(
        "rank-00000.safetensors: Input/output error",
        StorageException.of(file, 1, new IOException("Input/output error")).getMessage());
  }
}

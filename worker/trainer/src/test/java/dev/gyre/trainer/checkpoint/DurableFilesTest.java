package dev.gyre.trainer.checkpoint;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.gyre.trainer.files.StorageException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class DurableFilesTest {
  @TempDir Path folder;

  @Test
  void aTextIsReplacedOrStays() throws IOException {
    Path file = folder.resolve("job.json");
    DurableFiles.replace(file, "first, which is longer");
    DurableFiles.replace(file, "second");
    assertEquals("second", Files.readString(file));
    try (var files = Files.list(folder)) {
      assertEquals(1, files.count());
    }
    Path inTheWay = Files.createDirectories(folder.resolve("taken").resolve("x")).getParent();
    assertThrows(IOException.class, () -> DurableFiles.replace(inTheWay, "text"));
    assertTrue(Files.isDirectory(inTheWay));
    DurableFiles.copy(file, folder.resolve("copy"));
    assertEquals("second", Files.readString(folder.resolve("copy")));
    assertFalse(Files.exists(folder.resolve("taken.part")));
  }

  /** A downloaded file often is read-only. */
  @Test
  void aCopyOfAReadOnlyFileCanBeWritten() throws IOException {
    Path file = Files.writeString(folder.resolve("tokenizer.json"), "{}");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("r--r--r--"));
    Path copy = folder.resolve("copy");
    DurableFiles.copy(file, copy);
    DurableFiles.copy(file, copy);
    assertEquals("{}", Files.readString(copy));
    assertTrue(Files.getPosixFilePermissions(copy).contains(PosixFilePermission.OWNER_WRITE));
  }

  @Test
  void aFullDiskLeavesTheOldTextAndIsNamed() throws IOException {
    assumeTrue(Files.exists(Path.of("/dev/full")));
    Path file = folder.resolve("job.json");
    DurableFiles.replace(file, "old");
    Files.createSymbolicLink(folder.resolve("job.json.part"), Path.of("/dev/full"));
    StorageException failed =
        assertThrows(StorageException.class, () -> DurableFiles.replace(file, "new"));
    assertEquals(
        file + ": No space left on device; free some and continue with --resume",
        failed.getMessage());
    assertEquals("old", Files.readString(file));
    assertFalse(Files.exists(folder.resolve("job.json.part")));
  }

  /** A link is deleted, but not its target. */
  @Test
  void aFolderIsDeletedWithAllThatLiesInIt() throws IOException {
    Path kept = Files.writeString(folder.resolve("kept"), "kept");
    Path gone = Files.createDirectories(folder.resolve("gone").resolve("deep"));
    Files.writeString(gone.resolve("file"), "text");
    Files.createSymbolicLink(gone.resolve("link"), folder);
    Files.createSymbolicLink(gone.resolve("broken"), folder.resolve("nowhere"));
    DurableFiles.delete(gone.getParent());
    assertFalse(Files.exists(gone.getParent()));
    assertEquals("kept", Files.readString(kept));
    DurableFiles.delete(gone);
  }
}

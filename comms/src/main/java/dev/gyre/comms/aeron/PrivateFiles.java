package dev.gyre.comms.aeron;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Set;
import java.util.stream.Stream;

/** Files that only this user can open, independent of the umask. */
final class PrivateFiles {
  static final FileAttribute<Set<PosixFilePermission>> FOLDER = attribute("rwx------");
  static final FileAttribute<Set<PosixFilePermission>> FILE = attribute("rw-------");

  private PrivateFiles() {}

  private static FileAttribute<Set<PosixFilePermission>> attribute(String permissions) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(permissions));
  }

  /** Opens a file for reading and writing; creates it if necessary. */
  static FileChannel open(Path file) throws IOException {
    return FileChannel.open(
        file,
        Set.of(StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE),
        FILE);
  }

  /**
   * Removes all other users' permissions from the files below a folder, which another library
   * created.
   */
  static void restrict(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.toList()) {
        Files.setPosixFilePermissions(file, (Files.isDirectory(file) ? FOLDER : FILE).value());
      }
    } catch (UncheckedIOException failed) {
      if (!(failed.getCause() instanceof NoSuchFileException)) { // else removed in the meantime
        throw failed;
      }
    } catch (NoSuchFileException removedMeanwhile) {
      return;
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot restrict the files in " + folder, failed);
    }
  }
}

package dev.gyre.trainer.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A run's {@code checkpoints} folder. Ranks write into a hidden temporary folder; {@link #commit}
 * verifies the files and renames the folder, so that a folder named {@code step-N} is always
 * complete. Only the coordinator's process commits; any process may list and verify.
 */
public final class CheckpointStore {
  private static final Pattern STEP = Pattern.compile("step-(\\d{1,18})");
  private static final String TEMPORARY = ".tmp-";
  private static final String REPLACED = ".replaced-";
  private static final String DELETED = ".deleted-";

  private final Path folder;
  private final int keep;
  private final @Nullable Path resumed;

  /**
   * @param folder {@code checkpoints} of a run; need not exist
   * @param keep newest checkpoints kept, at least 1
   * @param resumed the checkpoint that this run resumed from, which is never deleted; null for none
   */
  public CheckpointStore(Path folder, int keep, @Nullable Path resumed) {
    if (keep < 1) {
      throw new IllegalArgumentException("keep " + keep + " must be at least 1");
    }
    this.folder = folder;
    this.keep = keep;
    this.resumed = resumed;
  }

  /** A committed checkpoint. */
  public record Committed(long step, Path folder) {}

  /** A checkpoint of which every byte was verified. */
  public record Verified(long step, Path folder, Manifest manifest) {}

  /** Where ranks write a step's files before it is committed. */
  public static Path temporary(Path checkpoints, long step) {
    return checkpoints.resolve(TEMPORARY + "step-" + step);
  }

  /**
   * Removes unfinished checkpoints of an earlier run, and completes a replacement during which it
   * was killed. Call before workers start.
   */
  public void recover() throws IOException {
    if (!Files.isDirectory(folder)) {
      return;
    }
    for (Path left : entries()) {
      String name = String.valueOf(left.getFileName());
      if (name.startsWith(REPLACED)) {
        Path original = folder.resolve(name.substring(REPLACED.length()));
        if (Files.exists(original)) {
          delete(left);
        } else {
          Files.move(left, original, StandardCopyOption.ATOMIC_MOVE);
        }
      } else if (name.startsWith(TEMPORARY) || name.startsWith(DELETED)) {
        delete(left);
      }
    }
  }

  /**
   * Commits a step's files: verifies them, adds the manifest, syncs everything to disk, renames the
   * folder, and deletes the oldest checkpoints beyond those kept. A checkpoint of the same step is
   * replaced.
   *
   * @param manifest with the files of all ranks
   * @return the final folder
   * @throws CheckpointException if a file differs from what its rank wrote, or a tensor is
   *     incomplete. Then only the temporary folder has changed
   */
  public Path commit(Manifest manifest) throws IOException {
    Path temporary = temporary(folder, manifest.step());
    verifyFiles(temporary, manifest);
    removeUnlisted(temporary, manifest);
    write(temporary.resolve(Manifest.FILE), manifest.toJson());
    Digests.syncFolder(temporary);
    Path target = folder.resolve("step-" + manifest.step());
    Path replaced = folder.resolve(REPLACED + target.getFileName());
    boolean replacing = Files.exists(target);
    if (replacing) {
      delete(replaced);
      Files.move(target, replaced, StandardCopyOption.ATOMIC_MOVE);
    }
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    Digests.syncFolder(folder);
    if (replacing) {
      delete(replaced);
    }
    retain();
    return target;
  }

  private static void write(Path file, String text) throws IOException {
    try (FileChannel out =
        FileChannel.open(
            file,
            StandardOpenOption.CREATE,
            StandardOpenOption.TRUNCATE_EXISTING,
            StandardOpenOption.WRITE)) {
      ByteBuffer bytes = ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
      while (bytes.hasRemaining()) {
        out.write(bytes);
      }
      out.force(true);
    }
  }

  /** Files of an earlier attempt at this step, for example with more ranks. */
  private static void removeUnlisted(Path temporary, Manifest manifest) throws IOException {
    Set<String> listed = new HashSet<>();
    manifest.files().forEach(file -> listed.add(file.name()));
    try (var files = Files.list(temporary)) {
      for (Path file : files.toList()) {
        if (!listed.contains(String.valueOf(file.getFileName()))) {
          delete(file);
        }
      }
    }
  }

  private void retain() throws IOException {
    List<Committed> all = list();
    for (int i = 0; i < all.size() - keep; i++) {
      Path old = all.get(i).folder();
      if (resumed == null || !same(old, resumed)) {
        // Rename first: a half-deleted folder must not look like a checkpoint.
        Path deleted = folder.resolve(DELETED + old.getFileName());
        delete(deleted);
        Files.move(old, deleted, StandardCopyOption.ATOMIC_MOVE);
        delete(deleted);
      }
    }
  }

  private static boolean same(Path a, Path b) {
    return a.toAbsolutePath().normalize().equals(b.toAbsolutePath().normalize());
  }

  private static void delete(Path path) throws IOException {
    if (!Files.exists(path)) {
      return;
    }
    Files.walkFileTree(
        path,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Files.delete(file);
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException failed)
              throws IOException {
            if (failed != null) {
              throw failed;
            }
            Files.delete(folder);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private List<Path> entries() throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    }
  }

  /** Committed checkpoints, oldest first; not verified. Empty if the folder does not exist. */
  public List<Committed> list() throws IOException {
    List<Committed> found = new ArrayList<>();
    for (Path entry : entries()) {
      Matcher name = STEP.matcher(String.valueOf(entry.getFileName()));
      if (name.matches() && Files.isDirectory(entry)) {
        found.add(new Committed(Long.parseLong(name.group(1)), entry));
      }
    }
    found.sort(Comparator.comparingLong(Committed::step));
    return found;
  }

  /**
   * The newest intact checkpoint.
   *
   * @param note receives a line about each damaged checkpoint that is skipped
   */
  public Optional<Verified> newestVerified(Consumer<String> note) throws IOException {
    for (Committed one : list().reversed()) {
      try {
        return Optional.of(new Verified(one.step(), one.folder(), verify(one.folder())));
      } catch (CheckpointException e) {
        note.accept("checkpoint " + one.folder() + " is skipped: " + e.getMessage());
      }
    }
    return Optional.empty();
  }

  /**
   * Reads every byte of a checkpoint and checks it.
   *
   * @throws CheckpointException naming the file and the fault: missing, size, SHA-256, header,
   *     missing or duplicate slices of a tensor, a missing tensor of the model
   */
  public static Manifest verify(Path checkpoint) throws IOException {
    Manifest manifest = Manifest.read(checkpoint);
    verifyFiles(checkpoint, manifest);
    return manifest;
  }

  private static void verifyFiles(Path folder, Manifest manifest) throws IOException {
    if (manifest.files().isEmpty()) {
      throw new CheckpointException(folder + ": the manifest lists no files");
    }
    for (FileEntry entry : manifest.files()) {
      Path file = folder.resolve(entry.name());
      if (!Files.isRegularFile(file)) {
        throw new CheckpointException(file + " is missing");
      }
      if (Files.size(file) != entry.bytes()) {
        throw new CheckpointException(
            "%s has %,d bytes, %,d were written".formatted(file, Files.size(file), entry.bytes()));
      }
      if (!Digests.sha256(file).equals(entry.sha256())) {
        throw new CheckpointException(
            file + " is damaged: its SHA-256 differs from what was written");
      }
    }
    CheckpointReader.open(folder, manifest).close();
  }
}

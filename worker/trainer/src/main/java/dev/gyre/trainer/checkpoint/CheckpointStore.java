package dev.gyre.trainer.checkpoint;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
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
  private static final String STEP_NAME = "step-(\\d{1,18})";
  private static final Pattern STEP = Pattern.compile(STEP_NAME);
  private static final String TEMPORARY = ".tmp-";
  private static final String REPLACED = ".replaced-";
  private static final String DELETED = ".deleted-";

  /** A crash between the two renames of a replacement leaves the older one under this name. */
  private static final Pattern REPLACED_STEP = Pattern.compile("\\.replaced-" + STEP_NAME);

  private static final String ABANDONED = "abandoned-";
  private static final Pattern ABANDONED_STEP =
      Pattern.compile(ABANDONED + STEP_NAME + "(?:-\\d+)?");

  private final Path folder;
  private final Retention retention;
  private final Consumer<String> note;

  /**
   * For a run that writes checkpoints.
   *
   * @param folder {@code checkpoints} of a run; need not exist
   * @param keep newest checkpoints kept, at least 1
   * @param resumed the checkpoint that this run resumed from, which is never deleted; null for none
   * @param note receives a line about checkpoints that are set apart or could not be deleted
   */
  public CheckpointStore(Path folder, int keep, @Nullable Path resumed, Consumer<String> note) {
    if (keep < 1) {
      throw new IllegalArgumentException("keep " + keep + " must be at least 1");
    }
    this.folder = folder;
    this.retention = new Retention(keep, resumed == null ? null : committed(resumed));
    this.note = note;
  }

  /** For reading alone. */
  public static CheckpointStore in(Path folder) {
    return new CheckpointStore(folder, Integer.MAX_VALUE, null, _ -> {});
  }

  private static Committed committed(Path checkpoint) {
    Matcher name = STEP.matcher(String.valueOf(checkpoint.getFileName()));
    if (!name.matches()) {
      throw new IllegalArgumentException(checkpoint + " is not named step-N");
    }
    return new Committed(Long.parseLong(name.group(1)), checkpoint);
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
   * was killed. Call before searching for checkpoints, and while no other process runs this run.
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
          DurableFiles.delete(left);
        } else {
          Files.move(left, original, StandardCopyOption.ATOMIC_MOVE);
          DurableFiles.syncFolder(folder);
        }
      } else if (name.startsWith(TEMPORARY) || name.startsWith(DELETED)) {
        DurableFiles.delete(left);
      }
    }
  }

  /**
   * Commits a step's files: verifies them, adds the manifest, syncs everything to disk, renames the
   * folder, and deletes the oldest checkpoints beyond those kept. A checkpoint of the same step is
   * replaced. Later checkpoints of a branch that a resume gave up are set apart as {@code
   * abandoned-step-N}, and deleted when this run has come as far.
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
    DurableFiles.write(temporary.resolve(Manifest.FILE), manifest.toJson());
    DurableFiles.syncFolder(temporary);
    Path target = folder.resolve("step-" + manifest.step());
    Path replaced = folder.resolve(REPLACED + target.getFileName());
    boolean replacing = Files.exists(target);
    if (replacing) {
      DurableFiles.delete(replaced);
      Files.move(target, replaced, StandardCopyOption.ATOMIC_MOVE);
    }
    Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.syncFolder(folder);
    retention.committed(manifest.step());
    try {
      if (replacing) {
        DurableFiles.delete(replaced);
      }
      retain(manifest.step());
    } catch (IOException e) {
      // What was just written is safe; too many old ones are no reason to end a run.
      note.accept("old checkpoints in " + folder + " were not deleted: " + reason(e));
    }
    return target;
  }

  /** Files of an earlier attempt at this step, for example with more ranks. */
  private static void removeUnlisted(Path temporary, Manifest manifest) throws IOException {
    Set<String> listed = new HashSet<>();
    manifest.files().forEach(file -> listed.add(file.name()));
    try (var files = Files.list(temporary)) {
      for (Path file : files.toList()) {
        if (!listed.contains(String.valueOf(file.getFileName()))) {
          DurableFiles.delete(file);
        }
      }
    }
  }

  private void retain(long committed) throws IOException {
    for (Committed one : retention.abandoned(list())) {
      Path apart = apart(one);
      Files.move(one.folder(), apart, StandardCopyOption.ATOMIC_MOVE);
      note.accept(
          "checkpoint %s is not of this branch of the run: set apart as %s"
              .formatted(one.folder(), apart.getFileName()));
    }
    for (Committed one : retention.surplus(list())) {
      remove(one.folder());
    }
    for (Path entry : entries()) {
      Matcher name = ABANDONED_STEP.matcher(String.valueOf(entry.getFileName()));
      if (name.matches() && Long.parseLong(name.group(1)) <= committed) {
        remove(entry);
      }
    }
  }

  private Path apart(Committed one) {
    Path apart = folder.resolve(ABANDONED + "step-" + one.step());
    for (int number = 2; Files.exists(apart); number++) {
      apart = folder.resolve(ABANDONED + "step-" + one.step() + "-" + number);
    }
    return apart;
  }

  private void remove(Path old) throws IOException {
    // Rename first: a half-deleted folder must not look like a checkpoint.
    Path deleted = folder.resolve(DELETED + old.getFileName());
    DurableFiles.delete(deleted);
    Files.move(old, deleted, StandardCopyOption.ATOMIC_MOVE);
    DurableFiles.delete(deleted);
  }

  private List<Path> entries() throws IOException {
    try (var entries = Files.list(folder)) {
      return entries.toList();
    } catch (NoSuchFileException | NotDirectoryException e) {
      return List.of();
    } catch (UncheckedIOException e) {
      throw e.getCause();
    }
  }

  /**
   * Committed checkpoints, oldest first; not verified. Empty if the folder does not exist. Where a
   * replacement was interrupted, the older checkpoint of that step.
   */
  public List<Committed> list() throws IOException {
    List<Committed> found = new ArrayList<>();
    for (Path entry : entries()) {
      String file = String.valueOf(entry.getFileName());
      Matcher name = STEP.matcher(file);
      Matcher replaced = REPLACED_STEP.matcher(file);
      if (name.matches() && Files.isDirectory(entry)) {
        found.add(new Committed(Long.parseLong(name.group(1)), entry));
      } else if (replaced.matches()
          && Files.notExists(folder.resolve(file.substring(REPLACED.length())))) {
        found.add(new Committed(Long.parseLong(replaced.group(1)), entry));
      }
    }
    found.sort(Comparator.comparingLong(Committed::step));
    return found;
  }

  /**
   * The newest intact checkpoint; empty if there is none, or all are damaged.
   *
   * @param skipped receives a line about each newer one that is damaged or cannot be read
   * @throws IOException if none is intact and storage failed for one that may be
   */
  public Optional<Verified> newestVerified(Consumer<String> skipped) throws IOException {
    IOException failed = null;
    for (Committed one : list().reversed()) {
      try {
        return Optional.of(new Verified(one.step(), one.folder(), verify(one.folder())));
      } catch (CheckpointException | UnknownFormatException e) {
        skipped.accept("checkpoint " + one.folder() + " is skipped: " + e.getMessage());
        failed = e instanceof UnknownFormatException && failed == null ? e : failed;
      } catch (IOException e) {
        skipped.accept(
            "checkpoint " + one.folder() + " is skipped, it cannot be read: " + reason(e));
        failed = failed == null ? e : failed;
      }
    }
    if (failed != null) {
      throw failed;
    }
    return Optional.empty();
  }

  /** What failed, in words: the messages of some are a file name alone. */
  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException f -> f.getFile() + ": access is denied";
      case NoSuchFileException f -> f.getFile() + ": no such file or folder";
      case FileSystemException f -> String.valueOf(f.getMessage());
      default -> String.valueOf(e.getMessage());
    };
  }

  /**
   * Reads every byte of a checkpoint and checks it.
   *
   * @throws CheckpointException naming the file and the fault: missing, size, SHA-256, header,
   *     missing or duplicate slices of a tensor, a missing tensor of the model, a folder named for
   *     another step
   * @throws IOException if storage fails, or access is denied: nothing is known of the checkpoint
   */
  public static Manifest verify(Path checkpoint) throws IOException {
    Manifest manifest = Manifest.read(checkpoint);
    Matcher name = STEP.matcher(String.valueOf(checkpoint.getFileName()));
    if (name.matches() && Long.parseLong(name.group(1)) != manifest.step()) {
      throw new CheckpointException(
          "%s holds step %d by its manifest; rename the folder"
              .formatted(checkpoint, manifest.step()));
    }
    verifyFiles(checkpoint, manifest);
    return manifest;
  }

  private static void verifyFiles(Path folder, Manifest manifest) throws IOException {
    if (manifest.files().isEmpty()) {
      throw new CheckpointException(folder + ": the manifest lists no files");
    }
    for (FileEntry entry : manifest.files()) {
      Path file = folder.resolve(entry.name());
      long bytes = size(file);
      if (bytes != entry.bytes()) {
        throw new CheckpointException(
            "%s has %,d bytes, %,d were written".formatted(file, bytes, entry.bytes()));
      }
      if (!Digests.sha256(file).equals(entry.sha256())) {
        throw new CheckpointException(
            file + " is damaged: its SHA-256 differs from what was written");
      }
    }
    CheckpointReader.open(folder, manifest).close();
  }

  /** Tells a file that is missing from one that may not be looked at. */
  private static long size(Path file) throws IOException {
    try {
      BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
      if (!attributes.isRegularFile()) {
        throw new CheckpointException(file + " is no file");
      }
      return attributes.size();
    } catch (NoSuchFileException e) {
      throw new CheckpointException(file + " is missing");
    }
  }
}

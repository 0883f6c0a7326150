package dev.gyre.coordinator;

import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.WrittenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Collects the ranks' words on what they have written until a checkpoint is whole. */
final class CheckpointBook {
  /** One step's checkpoint as far as it has come. */
  private static final class Page {
    final String folder;
    final @Nullable CheckpointWritten[] written;
    int count;

    Page(String folder, int workers) {
      this.folder = folder;
      this.written = new CheckpointWritten[workers];
    }
  }

  private final int workers;
  private final TreeMap<Long, Page> pages = new TreeMap<>();

  CheckpointBook(int workers) {
    this.workers = workers;
  }

  /**
   * Enters one rank's files.
   *
   * @return the checkpoint, if this was the last rank
   * @throws IllegalStateException if it contradicts what other ranks said; for people
   */
  Optional<WrittenCheckpoint> add(int rank, CheckpointWritten written) {
    long step = written.getStep();
    Page page = pages.computeIfAbsent(step, _ -> new Page(written.getFolder(), workers));
    if (!page.folder.equals(written.getFolder())) {
      throw new IllegalStateException(
          ("the checkpoint of step %d is in %s for rank %d, in %s for others; all ranks must see one"
                  + " shared folder")
              .formatted(step, written.getFolder(), rank, page.folder));
    }
    if (page.written[rank] != null) {
      throw new IllegalStateException(
          "rank %d wrote the checkpoint of step %d twice".formatted(rank, step));
    }
    page.written[rank] = written;
    page.count++;
    if (page.count < workers) {
      return Optional.empty();
    }
    pages.remove(step);
    return Optional.of(whole(step, page));
  }

  /** What is missing, if a checkpoint was begun and not every rank has written its part. */
  Optional<String> gap() {
    if (pages.isEmpty()) {
      return Optional.empty();
    }
    Page page = pages.firstEntry().getValue();
    List<Integer> missing = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      if (page.written[rank] == null) {
        missing.add(rank);
      }
    }
    return Optional.of(
        "the checkpoint of step " + pages.firstKey() + " was never written by ranks " + missing);
  }

  private WrittenCheckpoint whole(long step, Page page) {
    String manifest = "";
    List<List<WrittenFile>> files = new ArrayList<>(workers);
    for (CheckpointWritten written : page.written) {
      if (written == null) {
        throw new IllegalStateException("a whole checkpoint misses a rank");
      }
      if (files.isEmpty()) {
        manifest = written.getManifestJson();
      }
      files.add(written.getFilesList());
    }
    if (manifest.isEmpty()) {
      throw new IllegalStateException(
          "the checkpoint of step " + step + " has no manifest from rank 0");
    }
    return new WrittenCheckpoint(step, page.folder, manifest, files);
  }
}

package dev.gyre.coordinator;

import dev.gyre.comms.control.CheckpointWritten;
import dev.gyre.comms.control.WrittenFile;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Collects each rank's report of its checkpoint files until all ranks have reported. */
final class CheckpointBook {
  /** The reports for the checkpoint of one step. */
  private static final class Reports {
    final String folder;
    final @Nullable CheckpointWritten[] written;
    int count;

    Reports(String folder, int workers) {
      this.folder = folder;
      this.written = new CheckpointWritten[workers];
    }
  }

  private final int workers;
  private final TreeMap<Long, Reports> pending = new TreeMap<>();

  CheckpointBook(int workers) {
    this.workers = workers;
  }

  /**
   * Adds the report of one rank.
   *
   * @return the checkpoint, if this was the last rank
   * @throws IllegalStateException if it contradicts other ranks' reports; the message is for the
   *     user
   */
  Optional<WrittenCheckpoint> add(int rank, CheckpointWritten written) {
    long step = written.getStep();
    Reports reports = pending.computeIfAbsent(step, _ -> new Reports(written.getFolder(), workers));
    if (!reports.folder.equals(written.getFolder())) {
      throw new IllegalStateException(
          ("the checkpoint of step %d is in %s for rank %d, in %s for others; all ranks must see one"
                  + " shared folder")
              .formatted(step, written.getFolder(), rank, reports.folder));
    }
    if (reports.written[rank] != null) {
      throw new IllegalStateException(
          "rank %d wrote the checkpoint of step %d twice".formatted(rank, step));
    }
    reports.written[rank] = written;
    reports.count++;
    if (reports.count < workers) {
      return Optional.empty();
    }
    pending.remove(step);
    return Optional.of(whole(step, reports));
  }

  /**
   * The ranks missing from the oldest incomplete checkpoint; empty if no checkpoint is incomplete.
   */
  Optional<String> gap() {
    if (pending.isEmpty()) {
      return Optional.empty();
    }
    Reports reports = pending.firstEntry().getValue();
    List<Integer> missing = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      if (reports.written[rank] == null) {
        missing.add(rank);
      }
    }
    return Optional.of(
        "the checkpoint of step " + pending.firstKey() + " was never written by ranks " + missing);
  }

  private WrittenCheckpoint whole(long step, Reports reports) {
    String manifest = "";
    List<List<WrittenFile>> files = new ArrayList<>(workers);
    for (CheckpointWritten written : reports.written) {
      if (written == null) {
        throw new IllegalStateException("a complete checkpoint lacks a rank's report");
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
    return new WrittenCheckpoint(step, reports.folder, manifest, files);
  }
}

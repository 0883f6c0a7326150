package dev.gyre.coordinator;

import dev.gyre.comms.control.WrittenFile;
import java.util.List;

/**
 * A checkpoint whose files every rank has written and synced, not yet verified.
 *
 * @param step the number of steps it holds
 * @param folder the temporary folder that all ranks wrote to
 * @param manifestJson rank 0's manifest
 * @param files what each rank wrote, by rank
 */
public record WrittenCheckpoint(
    long step, String folder, String manifestJson, List<List<WrittenFile>> files) {
  public WrittenCheckpoint {
    files = files.stream().map(List::copyOf).toList();
  }
}

package dev.gyre.deploy.launch;

import dev.gyre.comms.linux.CoreAffinity;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * The cores that each worker's training thread is pinned to. Without pinning, the scheduler often
 * places ranks that wait for each other on the same core.
 *
 * @param ofRank core numbers by rank; empty if workers are not pinned
 */
public record CoreShares(List<List<Integer>> ofRank) {
  /** No pinning. */
  public static final CoreShares NONE = new CoreShares(List.of());

  private static final Path ONLINE = Path.of("/sys/devices/system/cpu/online");

  public CoreShares {
    ofRank = ofRank.stream().map(List::copyOf).toList();
  }

  /** This machine's cores, divided evenly; {@link #NONE} if this process must not pin. */
  public static CoreShares ofThisMachine(int workers) {
    return CoreAffinity.find()
        .map(
            affinity ->
                even(
                    workers,
                    affinity.cores(),
                    online(),
                    Runtime.getRuntime().availableProcessors()))
        .orElse(NONE);
  }

  /**
   * Contiguous runs of cores, whose sizes differ by at most one. None if there are fewer cores than
   * workers, and none if an affinity or a quota already restricts this process to some of the
   * machine's cores.
   *
   * @param allowed cores this process may run on
   * @param online cores of the machine; 0 if not known
   * @param processors number of cores it may use at once
   */
  static CoreShares even(int workers, List<Integer> allowed, int online, int processors) {
    int cores = allowed.size();
    if (cores < workers || cores != online || processors < cores) {
      return NONE;
    }
    List<List<Integer>> shares = new ArrayList<>();
    for (int rank = 0; rank < workers; rank++) {
      shares.add(allowed.subList(cores * rank / workers, cores * (rank + 1) / workers));
    }
    return new CoreShares(shares);
  }

  /** Counts ranges such as {@code 0-3,8}. */
  private static int online() {
    try {
      int count = 0;
      for (String range : Files.readString(ONLINE).strip().split(",", -1)) {
        String[] ends = range.split("-", -1);
        count += Integer.parseInt(ends[ends.length - 1]) - Integer.parseInt(ends[0]) + 1;
      }
      return count;
    } catch (IOException | NumberFormatException unknown) {
      return 0;
    }
  }
}

package dev.gyre.trainer.worker;

import dev.gyre.comms.linux.CoreAffinity;
import java.util.ArrayList;
import java.util.List;

/**
 * The cores to which the launcher pins this process's training thread and the threads it starts.
 * Other threads of the JVM, such as its compiler's, are not pinned.
 */
public final class CoreShare {
  /** Numbers of cores, such as {@code 2,3}; absent if the process is not pinned. */
  public static final String PROPERTY = "gyre.cores";

  private CoreShare() {}

  /**
   * Pins the calling thread as the launcher asked. If the system refuses, nothing changes.
   *
   * @return cores this process may use: in a pinned thread the JVM sees its share only
   */
  public static int take() {
    int all = Runtime.getRuntime().availableProcessors();
    String share = System.getProperty(PROPERTY, "");
    if (!share.isEmpty()) {
      List<Integer> cores = new ArrayList<>();
      for (String core : share.split(",", -1)) {
        cores.add(Integer.parseInt(core));
      }
      CoreAffinity.find().ifPresent(affinity -> affinity.bind(cores));
    }
    return all;
  }
}

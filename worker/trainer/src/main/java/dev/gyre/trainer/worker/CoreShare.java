package dev.gyre.trainer.worker;

import dev.gyre.comms.linux.CoreAffinity;
import java.util.ArrayList;
import java.util.List;

/**
 * The cores that a launcher has set aside for this process's training thread and the threads it
 * starts. Others of the JVM, such as its compiler's, may run anywhere.
 */
public final class CoreShare {
  /** Numbers of cores, such as {@code 2,3}; absent where the process is not bound. */
  public static final String PROPERTY = "gyre.cores";

  private CoreShare() {}

  /**
   * Binds the calling thread as the launcher asked. Where the system refuses, nothing changes.
   *
   * @return cores this process may use: from a bound thread the JVM sees its share alone
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

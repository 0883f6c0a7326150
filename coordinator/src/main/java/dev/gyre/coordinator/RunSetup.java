package dev.gyre.coordinator;

import dev.gyre.comms.control.JoinToken;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;

/**
 * Parameters of a coordinator's run.
 *
 * @param run the run's identity; a worker of another run is refused
 * @param address where to listen; port 0 takes a free one
 * @param workers number of workers, at least 1
 * @param jobJson the resolved job, passed to the workers unchanged
 * @param transportFolder folder of the transport's shared files; empty for none
 * @param token what a worker must show to join
 * @param resumeFolder the checkpoint to load; empty to start fresh
 */
public record RunSetup(
    String run,
    InetSocketAddress address,
    int workers,
    String jobJson,
    Path runFolder,
    String transportFolder,
    String resumeFolder,
    JoinToken token,
    Timing timing) {
  public RunSetup {
    if (workers < 1) {
      throw new IllegalArgumentException("workers " + workers + "; a run needs at least 1");
    }
  }

  /** A fresh run on this machine: listens on the loopback address, on a free port. */
  public static RunSetup local(
      String run, int workers, String jobJson, Path runFolder, JoinToken token) {
    return new RunSetup(
        run,
        new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
        workers,
        jobJson,
        runFolder,
        "",
        "",
        token,
        Timing.defaults());
  }

  public RunSetup withTransportFolder(String folder) {
    return new RunSetup(
        run, address, workers, jobJson, runFolder, folder, resumeFolder, token, timing);
  }

  public RunSetup withResumeFolder(String folder) {
    return new RunSetup(
        run, address, workers, jobJson, runFolder, transportFolder, folder, token, timing);
  }

  public RunSetup withTiming(Timing newTiming) {
    return new RunSetup(
        run, address, workers, jobJson, runFolder, transportFolder, resumeFolder, token, newTiming);
  }
}

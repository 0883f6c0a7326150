package dev.gyre.comms.aeron;

import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;
import org.agrona.BitUtil;
import org.agrona.CloseHelper;
import org.agrona.concurrent.BackoffIdleStrategy;
import org.agrona.concurrent.status.CountersReader;

/**
 * The Aeron media driver of one run on one host, embedded in the process that calls {@link
 * #launch}, with one thread. Its {@link SharedFolder} also holds the ranks' shared memory. Closing
 * removes the folder.
 */
public final class RunMediaDriver implements AutoCloseable {
  /**
   * Aeron's own liveness timeouts, so long that none of them ends a run. The exit of a driver or a
   * rank is noticed by the end of its process. A hang is noticed by our own deadlines, which do not
   * count time in which the machine was suspended; Aeron's would.
   */
  static final long LIVENESS_NANOS = TimeUnit.DAYS.toNanos(365);

  private static final long MIN_PARK_NANOS = 10_000;

  /**
   * While the driver sleeps, no datagram is sent or received. It wakes 2,000 times per second,
   * which uses 4 % of a core.
   */
  private static final long UDP_PARK_NANOS = 500_000;

  /**
   * Over IPC, ranks write to each other's logs themselves. The driver only advances the limit up to
   * which they may write, by half a term at a time: 512 KB, or 128 KB in runs of more than 4 ranks.
   * Large messages are sent by reference and write one envelope each. A burst of small messages
   * beyond the limit waits for the driver. Every wake-up takes the core from a kernel.
   */
  private static final long IPC_PARK_NANOS = 5_000_000;

  /** Aeron's minimum for the values of its counters, with which cnc.dat has about 10 MB. */
  private static final int LEAST_COUNTER_BYTES = 1 << 20;

  /** The driver has 46 of its own. */
  private static final int DRIVER_COUNTERS = 64;

  /** One by IPC, five by UDP. */
  private static final int RANK_COUNTERS = 5;

  /** Where its writer and its reader are. */
  private static final int IPC_LOG_COUNTERS = 3;

  /** The same at both ends, and flow control, losses and back-pressure. */
  private static final int UDP_LOG_COUNTERS = 10;

  /** A counter's label and key take four times the bytes of its value. */
  private static final int BYTES_OF_COUNTER_VALUE = 5;

  /** cnc.dat with the fewest counters, the loss report, and the small files of the ranks. */
  private static final long DRIVER_BYTES = 14L << 20;

  private final SharedFolder folder;
  private final MediaDriver driver;

  private RunMediaDriver(SharedFolder folder, MediaDriver driver) {
    this.folder = folder;
    this.driver = driver;
  }

  /**
   * Allocates all shared memory that the run's logs will need, so that it cannot run out later.
   *
   * @param parent on a memory file system, such as {@code /dev/shm}
   * @param run a file name
   * @param ranks of the run on this host
   * @param udp whether ranks communicate by UDP, not by shared memory alone
   * @throws IOException if there is too little room, or the folder cannot be created
   */
  public static RunMediaDriver launch(Path parent, String run, int ranks, boolean udp)
      throws IOException {
    return launch(parent, run, ranks, udp, AeronClocks.MONOTONIC);
  }

  /** The same with given clocks. */
  static RunMediaDriver launch(Path parent, String run, int ranks, boolean udp, AeronClocks clocks)
      throws IOException {
    SharedFolder folder = SharedFolder.create(parent, run);
    MediaDriver driver = null;
    try {
      requireRoom(parent, ranks, udp);
      driver = MediaDriver.launch(context(folder.path(), ranks, udp, clocks));
      reservePages(driverFolder(folder.path()));
      PrivateFiles.restrict(driverFolder(folder.path()));
      return new RunMediaDriver(folder, driver);
    } catch (IOException | RuntimeException failed) {
      CloseHelper.quietClose(driver);
      folder.close();
      throw new IOException(
          "cannot set up the run's shared memory in %s: %s".formatted(parent, reason(failed)),
          failed);
    }
  }

  /** The innermost cause, because Aeron wraps the system's error. */
  private static String reason(Throwable failed) {
    Throwable at = failed;
    while (at.getCause() != null) {
      at = at.getCause();
    }
    return at.getMessage() == null ? at.toString() : at.getMessage();
  }

  /** Shared memory that the driver and the logs of the ranks need. */
  public static long roomBytes(int ranks, boolean udp) {
    long counters = BYTES_OF_COUNTER_VALUE * (counterBytes(ranks, udp) - LEAST_COUNTER_BYTES);
    return DRIVER_BYTES + counters + Channels.logBytes(ranks, udp);
  }

  /** Most counters that the driver and the logs between the ranks have at a time. */
  static long counters(int ranks, boolean udp) {
    long logs = (long) ranks * (ranks - 1);
    return DRIVER_COUNTERS
        + (long) RANK_COUNTERS * ranks
        + (udp ? UDP_LOG_COUNTERS : IPC_LOG_COUNTERS) * logs;
  }

  /**
   * If the counters do not suffice, the driver opens no further log, and the run does not start.
   */
  private static long counterBytes(int ranks, boolean udp) {
    long bytes = counters(ranks, udp) * CountersReader.COUNTER_LENGTH;
    return Math.max(LEAST_COUNTER_BYTES, BitUtil.findNextPositivePowerOfTwo(bytes));
  }

  /** A mapped file without a page behind it causes a fatal fault (SIGBUS), not an error. */
  private static void requireRoom(Path parent, int ranks, boolean udp) throws IOException {
    long free = Files.getFileStore(parent).getUsableSpace();
    long needed = roomBytes(ranks, udp);
    if (free < needed) {
      throw new IOException(
          ("%d MB are free there, and %d workers need %d MB for their logs; remove what fills it,"
                  + " enlarge it (in a container: --shm-size=1g; in a pod: an emptyDir of medium"
                  + " Memory), or use fewer workers (--workers)")
              .formatted(free >> 20, ranks, (needed + (1 << 20) - 1) >> 20));
    }
  }

  /** Allocates every page of the driver's files without changing their contents. */
  private static void reservePages(Path driverFolder) throws IOException {
    try (DirectoryStream<Path> files = Files.newDirectoryStream(driverFolder, "*.dat")) {
      for (Path file : files) {
        Pages.reserve(file);
      }
    }
  }

  private static MediaDriver.Context context(
      Path folder, int ranks, boolean udp, AeronClocks clocks) {
    long park = udp ? UDP_PARK_NANOS : IPC_PARK_NANOS;
    return new MediaDriver.Context()
        .aeronDirectoryName(driverFolder(folder).toString())
        .epochClock(clocks.millis())
        .nanoClock(clocks.nanos())
        .dirDeleteOnStart(true)
        .dirDeleteOnShutdown(true)
        .threadingMode(ThreadingMode.SHARED)
        // // Its thread would resolve the few host names at the start, which the driver's own
        // thread can do, and would wake a thousand times per second: 1.5 % of a core.
        .asyncExecutorEnabled(false)
        .sharedIdleStrategy(new BackoffIdleStrategy(1, 1, MIN_PARK_NANOS, park))
        // // Allocates all pages of a log when it is created, so that too little room is an error
        // then.
        .termBufferSparseFile(false)
        .performStorageChecks(true)
        .counterValuesBufferLength(Math.toIntExact(counterBytes(ranks, udp)))
        .lowStorageWarningThreshold(0)
        .driverTimeoutMs(TimeUnit.NANOSECONDS.toMillis(LIVENESS_NANOS))
        .clientLivenessTimeoutNs(LIVENESS_NANOS)
        .publicationUnblockTimeoutNs(LIVENESS_NANOS + LIVENESS_NANOS / 2)
        .imageLivenessTimeoutNs(LIVENESS_NANOS)
        .publicationConnectionTimeoutNs(LIVENESS_NANOS);
  }

  static Path driverFolder(Path folder) {
    return folder.resolve("driver");
  }

  /** The folder that ranks get as {@link AeronOptions#folder}. */
  public Path folder() {
    return folder.path();
  }

  /** Stops the driver and removes its folder; ranks that still run lose their transport. */
  @Override
  public void close() {
    try (folder) {
      driver.close();
    }
  }
}

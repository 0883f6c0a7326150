package dev.gyre.comms.aeron;

import io.aeron.driver.MediaDriver;
import io.aeron.driver.ThreadingMode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.agrona.concurrent.BackoffIdleStrategy;

/**
 * The Aeron media driver of one run on one host, embedded in the process that calls {@link
 * #launch}, with one thread. Its folder also holds the ranks' shared memory; it bears the run's
 * name and its owner's process id and start, so that a later start can sweep what a killed owner
 * left. Closing removes the folder.
 */
public final class RunMediaDriver implements AutoCloseable {
  /**
   * Aeron's own timeouts, far above the longest deadline, so that ours come first and name the
   * culprit; and a rank that computes without ever calling in is not taken for dead.
   */
  static final long LIVENESS_NANOS = TimeUnit.MINUTES.toNanos(30);

  private static final Pattern FOLDER = Pattern.compile("gyre-.*-(\\d+)-(\\d+)");
  private static final long MIN_PARK_NANOS = 10_000;

  /**
   * While the driver sleeps no datagram comes or goes. It wakes 2,000 times a second: 4 % of a
   * core.
   */
  private static final long UDP_PARK_NANOS = 500_000;

  /**
   * Over IPC ranks write to each other's logs themselves. The driver only moves on how far they may
   * write, half a term at a time: 512 KB, 128 KB in runs of more than 4 ranks. Large messages go by
   * reference, an envelope each; a burst of small ones beyond that waits for the driver. Each time
   * it wakes it takes the core from a kernel.
   */
  private static final long IPC_PARK_NANOS = 5_000_000;

  /** The least Aeron takes: cnc.dat is then some 10 MB. */
  private static final int CONTROL_BYTES = 1 << 20;

  /** cnc.dat, and as much again for the first pages of logs. */
  private static final long LEAST_ROOM_BYTES = 20L << 20;

  private final Path folder;
  private final MediaDriver driver;

  private RunMediaDriver(Path folder, MediaDriver driver) {
    this.folder = folder;
    this.driver = driver;
  }

  /**
   * @param parent on a memory file system, such as {@code /dev/shm}
   * @param run a file name
   * @param udp whether ranks reach each other by UDP, and not by shared memory alone
   * @throws UncheckedIOException if the folder cannot be made
   */
  public static RunMediaDriver launch(Path parent, String run, boolean udp) {
    if (!run.matches("[A-Za-z0-9._-]+")) {
      throw new IllegalArgumentException(
          "run name '" + run + "' is not made of letters, digits, dots, dashes and underscores");
    }
    ProcessMark owner = ProcessMark.current();
    Path folder = parent.resolve("gyre-" + run + "-" + owner.pid() + "-" + owner.startMillis());
    try {
      requireRoom(parent);
      Files.createDirectory(folder);
    } catch (IOException failed) {
      throw new UncheckedIOException(
          "cannot make the run's shared folder " + folder + ": " + failed.getMessage(), failed);
    }
    try {
      return new RunMediaDriver(folder, MediaDriver.launch(context(folder, udp)));
    } catch (RuntimeException failed) {
      delete(folder);
      throw failed;
    }
  }

  /**
   * Mapped files take pages when first touched: where there is none left, that is a fatal fault.
   */
  private static void requireRoom(Path parent) throws IOException {
    long free = Files.getFileStore(parent).getUsableSpace();
    if (free < LEAST_ROOM_BYTES) {
      throw new IOException(
          ("%d MB are free in %s, the least is %d MB; remove what fills it, or enlarge it (in a"
                  + " container: --shm-size=1g; in a pod: an emptyDir of medium Memory)")
              .formatted(free >> 20, parent, LEAST_ROOM_BYTES >> 20));
    }
  }

  private static MediaDriver.Context context(Path folder, boolean udp) {
    long park = udp ? UDP_PARK_NANOS : IPC_PARK_NANOS;
    return new MediaDriver.Context()
        .aeronDirectoryName(driverFolder(folder).toString())
        .dirDeleteOnStart(true)
        .dirDeleteOnShutdown(true)
        .threadingMode(ThreadingMode.SHARED)
        // Its thread would resolve host names, a few at the start, which the driver's own can do
        // as well, and wake a thousand times a second: 1.5 % of a core.
        .asyncExecutorEnabled(false)
        .sharedIdleStrategy(new BackoffIdleStrategy(1, 1, MIN_PARK_NANOS, park))
        .termBufferSparseFile(true)
        .counterValuesBufferLength(CONTROL_BYTES)
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

  /** What ranks are told, as {@link AeronOptions#folder}. */
  public Path folder() {
    return folder;
  }

  /**
   * Removes folders of runs whose owner no longer lives.
   *
   * @return the folders removed
   */
  public static List<Path> sweepStale(Path parent) {
    List<Path> stale = stale(parent);
    stale.forEach(RunMediaDriver::delete);
    return stale;
  }

  /** Folders of runs whose owner is gone, and that this user may remove. */
  public static List<Path> stale(Path parent) {
    List<Path> stale = new ArrayList<>();
    try (DirectoryStream<Path> folders = Files.newDirectoryStream(parent, "gyre-*")) {
      for (Path folder : folders) {
        Matcher name = FOLDER.matcher(folder.getFileName().toString());
        if (name.matches() && !owner(name).isAlive() && Files.isWritable(folder)) {
          stale.add(folder);
        }
      }
    } catch (IOException failed) {
      throw new UncheckedIOException("cannot look for stale runs in " + parent, failed);
    }
    return stale;
  }

  private static ProcessMark owner(Matcher name) {
    return new ProcessMark(Long.parseLong(name.group(1)), Long.parseLong(name.group(2)));
  }

  private static void delete(Path folder) {
    try (Stream<Path> files = Files.walk(folder)) {
      for (Path file : files.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(file);
      }
    } catch (IOException | UncheckedIOException failed) {
      if (Files.exists(folder)) { // else another sweep was faster
        throw new IllegalStateException("cannot remove " + folder, failed);
      }
    }
  }

  /** Stops the driver and removes its folder; ranks that still run lose their transport. */
  @Override
  public void close() {
    driver.close();
    delete(folder);
  }
}

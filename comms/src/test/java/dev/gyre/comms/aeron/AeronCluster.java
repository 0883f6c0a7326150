package dev.gyre.comms.aeron;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.gyre.comms.Cluster;
import dev.gyre.comms.Progress;
import dev.gyre.comms.Transport;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;

/** Ranks as threads, each with its own Aeron client, over one embedded driver. */
final class AeronCluster extends Cluster {
  /** A memory file system if there is one, as in production. */
  static final Path PARENT =
      Files.isWritable(Path.of("/dev/shm"))
          ? Path.of("/dev/shm")
          : Path.of(System.getProperty("java.io.tmpdir"));

  static final Duration PATIENT = Duration.ofSeconds(30);

  private final int ranks;
  private final Duration deadline;
  private final AeronClocks clocks;
  private final RunMediaDriver driver;
  private final List<String> endpoints;
  private final ConcurrentLinkedQueue<String> log = new ConcurrentLinkedQueue<>();

  private AeronCluster(int ranks, Duration deadline, List<String> endpoints, AeronClocks clocks) {
    this.ranks = ranks;
    this.deadline = deadline;
    this.endpoints = endpoints;
    this.clocks = clocks;
    try {
      driver =
          RunMediaDriver.launch(
              PARENT, "test-" + System.nanoTime(), ranks, !endpoints.isEmpty(), clocks);
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    }
  }

  static AeronCluster ipc(int ranks, Duration deadline) {
    return ipc(ranks, deadline, AeronClocks.MONOTONIC);
  }

  static AeronCluster ipc(int ranks, Duration deadline, AeronClocks clocks) {
    return new AeronCluster(ranks, deadline, List.of(), clocks);
  }

  static AeronCluster udp(int ranks, Duration deadline) {
    return udp(ranks, deadline, AeronClocks.MONOTONIC);
  }

  static AeronCluster udp(int ranks, Duration deadline, AeronClocks clocks) {
    return new AeronCluster(ranks, deadline, UdpPorts.loopbackEndpoints(ranks), clocks);
  }

  Path folder() {
    return driver.folder();
  }

  AeronOptions options(int rank, int epoch) {
    return new AeronOptions(
        "test", epoch, rank, ranks, driver.folder(), deadline.toNanos(), 2, endpoints);
  }

  @Override
  public int size() {
    return ranks;
  }

  @Override
  public Transport open(int rank) {
    return AeronTransport.open(options(rank, 1), new Progress(), log::add, clocks);
  }

  /**
   * The ranks have closed: none of their files may be left, and after the driver no folder either.
   */
  @Override
  public void close() {
    try (Stream<Path> files = Files.list(driver.folder())) {
      List<Path> left =
          files
              .filter(file -> !file.endsWith("driver") && !file.endsWith(SharedFolder.LOCK))
              .toList();
      assertEquals(List.of(), left, "left over after close");
    } catch (IOException failed) {
      throw new UncheckedIOException(failed);
    } finally {
      driver.close();
    }
    assertEquals(false, Files.exists(driver.folder()));
    assertEquals(List.of(), List.copyOf(log));
  }
}

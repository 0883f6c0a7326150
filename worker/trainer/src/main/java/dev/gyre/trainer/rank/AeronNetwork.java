package dev.gyre.trainer.rank;

import dev.gyre.comms.Transport;
import dev.gyre.comms.aeron.AeronOptions;
import dev.gyre.comms.aeron.AeronTransport;
import dev.gyre.comms.aeron.RunMediaDriver;
import dev.gyre.comms.aeron.UdpPorts;
import dev.gyre.comms.memory.SharedMemory;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.function.Consumer;

/** Ranks of one process over an embedded Aeron driver, each with its own client. */
final class AeronNetwork implements LocalNetwork {
  private static final Duration DEADLINE = Duration.ofSeconds(60);

  private final int ranks;
  private final String run;
  private final RunMediaDriver driver;
  private final List<String> endpoints;
  private final Consumer<String> log;
  private final List<AeronTransport> opened = new ArrayList<>();

  /**
   * @param udp UDP over the loopback device; else IPC
   * @param log receives single lines for the user, from any thread
   */
  AeronNetwork(int ranks, boolean udp, Consumer<String> log) {
    this.ranks = ranks;
    this.log = log;
    this.endpoints = udp ? UdpPorts.loopbackEndpoints(ranks) : List.of();
    // A process may have several at once, each in a folder of its own.
    this.run = "local-" + UUID.randomUUID();
    Path parent = SharedMemory.folderOr(Path.of(System.getProperty("java.io.tmpdir")));
    try {
      this.driver = RunMediaDriver.launch(parent, run, ranks, udp);
    } catch (IOException failed) {
      throw new UncheckedIOException(String.valueOf(failed.getMessage()), failed);
    }
  }

  @Override
  public Transport open(int rank) {
    AeronOptions options =
        new AeronOptions(
            run,
            1,
            rank,
            ranks,
            driver.folder(),
            DEADLINE.toNanos(),
            Runtime.getRuntime().availableProcessors(),
            endpoints);
    AeronTransport transport = AeronTransport.open(options, log);
    synchronized (opened) {
      opened.add(transport);
    }
    return transport;
  }

  @Override
  public void close() {
    synchronized (opened) {
      opened.forEach(AeronTransport::close);
    }
    driver.close();
  }
}

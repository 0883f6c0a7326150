package dev.gyre.trainer.calibration;

import dev.gyre.kernels.CacheFolder;
import dev.gyre.trainer.json.SpecJson;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/**
 * Rates stored between runs: a small file per machine, runtime, backend and dtype. A file that
 * cannot be read or written counts as missing: calibration takes a few seconds more.
 */
public final class RateCache {
  private static final int NAME_BYTES = 8;

  /** Content of a file: the machine, for readers, and the rates. */
  record Entry(Machine machine, KernelRates rates) {}

  private final Path folder;

  public RateCache(Path folder) {
    this.folder = folder;
  }

  /** In {@code rates} of the user's {@link CacheFolder}. */
  public static RateCache ofUser() {
    return new RateCache(CacheFolder.ofUser().resolve("rates"));
  }

  /** {@link KernelRates#NONE} where nothing is known. */
  public KernelRates find(Machine machine) {
    Path file = file(machine);
    try {
      if (Files.isRegularFile(file)) {
        Entry entry = SpecJson.read(Files.readString(file), Entry.class, file.toString());
        // The file's name is a digest; the machine in its content decides.
        return entry.machine.equals(machine) ? entry.rates : KernelRates.NONE;
      }
    } catch (IOException | IllegalArgumentException e) {
      return KernelRates.NONE;
    }
    return KernelRates.NONE;
  }

  /**
   * Stores the best rate of each kernel, so that one busy run does not affect the next.
   *
   * @return the stored rates
   */
  public KernelRates add(Machine machine, KernelRates measured) {
    KernelRates merged = find(machine).best(measured);
    Path file = file(machine);
    try {
      Files.createDirectories(folder);
      Path temporary = Files.createTempFile(folder, "rates-", ".part");
      try {
        Files.writeString(temporary, SpecJson.write(new Entry(machine, merged)));
        Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
      } finally {
        Files.deleteIfExists(temporary);
      }
    } catch (IOException e) {
      // The folder cannot be written, as in a container: the next run measures again.
      return merged;
    }
    return merged;
  }

  /** Deletes the stored rates of a machine. */
  public void forget(Machine machine) {
    try {
      Files.deleteIfExists(file(machine));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot delete " + file(machine), e);
    }
  }

  /** Where a machine's rates are, or would be. */
  public Path file(Machine machine) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      byte[] all = digest.digest(SpecJson.line(machine).getBytes(StandardCharsets.UTF_8));
      String name = HexFormat.of().formatHex(all, 0, NAME_BYTES);
      return folder.resolve("%s-%s-%s.json".formatted(machine.backend(), machine.dtype(), name));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}

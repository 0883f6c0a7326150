package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec;
import dev.gyre.partitioning.job.DatasetSpec.Source;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;
import org.jspecify.annotations.Nullable;

/** A folder for test data, and short ways to prepare it. */
record DataFixture(Path folder) {
  static Source source(String path, String include) {
    return Source.of(path).with("include", include);
  }

  static DatasetSpec dataset(String packing, double holdout, Source... sources) {
    return DatasetSpec.of(Arrays.asList(sources))
        .with(Map.of("packing", packing, "holdout", holdout));
  }

  void write(String name, String text) throws IOException {
    write(name, text.getBytes(StandardCharsets.UTF_8));
  }

  void write(String name, byte[] bytes) throws IOException {
    Path file = folder.resolve(name);
    Files.createDirectories(file.getParent());
    Files.write(file, bytes);
  }

  /**
   * @param namesAndTexts alternating
   */
  void zip(String name, String... namesAndTexts) throws IOException {
    try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(folder.resolve(name)))) {
      for (int i = 0; i < namesAndTexts.length; i += 2) {
        zip.putNextEntry(new ZipEntry(namesAndTexts[i]));
        zip.write(namesAndTexts[i + 1].getBytes(StandardCharsets.UTF_8));
        zip.closeEntry();
      }
    }
  }

  Path cache() {
    return folder.resolve("cache");
  }

  DataPlaces places() {
    return places(folder.resolve("no-jdk"), null);
  }

  DataPlaces places(Path javaHome, @Nullable Path project) {
    return new DataPlaces(folder, cache(), javaHome, project);
  }

  TokenStore prepare(DatasetSpec dataset) {
    return prepare(dataset, PrepareListener.NONE);
  }

  TokenStore prepare(DatasetSpec dataset, PrepareListener listener) {
    return DataPreparation.prepare(dataset, places(), new ByteTokenizer(), listener);
  }

  TokenStore prepare(Source... sources) {
    return prepare(dataset("best-fit", 0, sources));
  }

  /** {@code name=text} of every document, in order. */
  static List<String> contents(TokenStore store) {
    List<String> all = new ArrayList<>();
    for (int d = 0; d < store.documents(); d++) {
      int count = Math.toIntExact(store.end(d) - store.start(d));
      String text = new ByteTokenizer().decode(store.read(store.start(d), count));
      all.add(store.name(d) + "=" + text);
    }
    return all;
  }

  /** A text whose bytes depend on their position, so that a wrong offset is detected. */
  static String text(int document, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.append((char) ('!' + (document * 31 + i * 7) % 90));
    }
    return text.toString();
  }

  /** A folder {@code docs} with documents of these lengths. */
  TokenStore documents(int... lengths) throws IOException {
    for (int d = 0; d < lengths.length; d++) {
      write("docs/%05d.txt".formatted(d), text(d, lengths[d]));
    }
    return prepare(source("docs", ""));
  }
}

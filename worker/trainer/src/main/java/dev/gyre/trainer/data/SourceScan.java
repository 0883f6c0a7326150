package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec.Source;
import java.io.IOException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.zip.ZipEntry;
import java.util.zip.ZipFile;

/**
 * Finds a source's files, sorted by name. Hidden files and folders (a leading dot) below a folder
 * are left out.
 */
final class SourceScan {
  static final String JDK_SOURCES = "jdk:src.zip";
  private static final String OWN_TEXT = "**/*.{java,md,proto,xml,yaml,yml}";
  private static final Set<String> OWN_OUTPUT = Set.of("target", "runs");

  private final DataPlaces places;
  private final PrepareListener listener;

  SourceScan(DataPlaces places, PrepareListener listener) {
    this.places = places;
    this.listener = listener;
  }

  List<SourceFile> scan(int index, Source source) {
    List<SourceFile> files = new ArrayList<>();
    try {
      find(index, source, files);
    } catch (IOException e) {
      throw DataException.io("dataset.train: cannot list " + source.path(), e);
    }
    if (files.isEmpty()) {
      String include = source.include().isEmpty() ? "" : " with include '" + source.include() + "'";
      throw new DataException(
          "dataset.train: nothing matches " + source.path() + include + "; check path and include");
    }
    files.sort(Comparator.comparing(SourceFile::name));
    return files;
  }

  private void find(int index, Source source, List<SourceFile> files) throws IOException {
    if (source.path().equals(JDK_SOURCES)) {
      jdk(index, source, files);
      return;
    }
    Path path = places.base().resolve(source.path());
    Glob include = Glob.of(source.include());
    int wildcard = Glob.firstWildcard(source.path());
    if (Files.isDirectory(path)) {
      folder(index, source, path, include, Set.of(), files);
    } else if (Files.exists(path)) {
      String name = String.valueOf(path.getFileName());
      if (isZip(name)) {
        zip(index, source, path, "", include, files);
      } else {
        file(index, source, path, name, include, files);
      }
    } else if (wildcard >= 0) {
      int cut = source.path().lastIndexOf('/', wildcard);
      Path root = places.base().resolve(cut < 0 ? "" : source.path().substring(0, cut + 1));
      if (!Files.isDirectory(root)) {
        throw new DataException(
            "dataset.train: " + source.path() + ": no folder " + root.toAbsolutePath());
      }
      // The pattern selects the files; include still applies inside zip files.
      folder(index, source, root, Glob.of(source.path().substring(cut + 1)), Set.of(), files);
    } else {
      throw new DataException(
          "dataset.train: %s: no such file or folder (looked at %s)"
              .formatted(source.path(), path.toAbsolutePath().normalize()));
    }
  }

  private void jdk(int index, Source source, List<SourceFile> files) throws IOException {
    Path zip = places.javaHome().resolve("lib/src.zip");
    if (Files.isReadable(zip)) {
      zip(index, source, zip, "", Glob.of(source.include()), files);
      return;
    }
    Path project = places.project();
    if (project == null || !Files.isDirectory(project)) {
      throw new DataException(
          "dataset.train: jdk:src.zip: this JDK has no "
              + zip
              + "; install its sources or name a folder of text");
    }
    listener.note(
        "data   this JDK has no " + zip + "; training on the project's own sources and docs");
    folder(index, source, project, Glob.of(OWN_TEXT), OWN_OUTPUT, files);
  }

  private void folder(
      int index,
      Source source,
      Path root,
      Glob wanted,
      Set<String> skippedFolders,
      List<SourceFile> files)
      throws IOException {
    Files.walkFileTree(
        root,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        Integer.MAX_VALUE,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path folder, BasicFileAttributes attributes) {
            boolean skipped =
                !folder.equals(root)
                    && (hidden(folder)
                        || skippedFolders.contains(String.valueOf(folder.getFileName())));
            return skipped ? FileVisitResult.SKIP_SUBTREE : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            String name = root.relativize(file).toString().replace('\\', '/');
            if (attributes.isRegularFile() && !hidden(file) && wanted.matches(name)) {
              file(index, source, file, name, Glob.of(source.include()), files);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static boolean hidden(Path path) {
    return String.valueOf(path.getFileName()).startsWith(".");
  }

  /** One file. The entries of a zip file are filtered; the file itself has been already. */
  private void file(
      int index, Source source, Path file, String name, Glob include, List<SourceFile> files)
      throws IOException {
    if (isZip(name)) {
      zip(index, source, file, name + "!/", include, files);
      return;
    }
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    files.add(
        new SourceFile(
            index,
            name,
            file,
            null,
            source.field(),
            attributes.size(),
            attributes.lastModifiedTime().toMillis()));
  }

  private static boolean isZip(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".zip") || lower.endsWith(".jar");
  }

  private static void zip(
      int index, Source source, Path zip, String prefix, Glob include, List<SourceFile> files)
      throws IOException {
    try (ZipFile open = new ZipFile(zip.toFile())) {
      open.stream()
          .filter(entry -> !entry.isDirectory() && include.matches(entry.getName()))
          .forEach(entry -> files.add(entry(index, source, zip, prefix, entry)));
    }
  }

  private static SourceFile entry(
      int index, Source source, Path zip, String prefix, ZipEntry entry) {
    return new SourceFile(
        index,
        prefix + entry.getName(),
        zip,
        entry.getName(),
        source.field(),
        Math.max(0, entry.getSize()),
        entry.getCrc());
  }
}

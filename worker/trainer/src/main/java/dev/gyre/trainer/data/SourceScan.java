package dev.gyre.trainer.data;

import dev.gyre.partitioning.job.DatasetSpec.Source;
import dev.gyre.trainer.data.SourceFile.Place;
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
import java.util.concurrent.TimeUnit;
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
  private final int source;
  private final Source spec;
  private final List<SourceFile> files = new ArrayList<>();

  private SourceScan(DataPlaces places, PrepareListener listener, int source, Source spec) {
    this.places = places;
    this.listener = listener;
    this.source = source;
    this.spec = spec;
  }

  /**
   * @param source index of the source in the job
   * @throws DataException if the path is missing, cannot be read, nothing matches, or there are
   *     more files than {@link SourceFile#LIMIT}
   */
  static List<SourceFile> scan(
      DataPlaces places, PrepareListener listener, int source, Source spec) {
    SourceScan scan = new SourceScan(places, listener, source, spec);
    try {
      scan.find();
    } catch (IOException e) {
      throw DataException.io("dataset.train: cannot list " + spec.path(), e);
    }
    if (scan.files.isEmpty()) {
      String include = spec.include().isEmpty() ? "" : " with include '" + spec.include() + "'";
      throw new DataException(
          "dataset.train: nothing matches " + spec.path() + include + "; check path and include");
    }
    Comparator<SourceFile> byName = Comparator.comparing(SourceFile::name);
    scan.files.sort(
        scan.joined() ? Comparator.comparing(SourceFile::folder).thenComparing(byName) : byName);
    return scan.files;
  }

  private boolean joined() {
    return spec.join().equals("folder");
  }

  private void find() throws IOException {
    if (spec.path().equals(JDK_SOURCES)) {
      jdk();
      return;
    }
    Path path = places.base().resolve(spec.path());
    Glob include = Glob.of(spec.include());
    int wildcard = Glob.firstWildcard(spec.path());
    if (Files.isDirectory(path)) {
      folder(path, include, Set.of());
    } else if (Files.exists(path)) {
      Path folder = path.getParent();
      String name = String.valueOf(path.getFileName());
      if (isZip(name)) {
        zip(path, "", include);
      } else {
        file(place(folder == null ? Path.of("") : folder, ""), name, include);
      }
    } else if (wildcard >= 0) {
      int cut = spec.path().lastIndexOf('/', wildcard);
      Path root = places.base().resolve(cut < 0 ? "" : spec.path().substring(0, cut + 1));
      if (!Files.isDirectory(root)) {
        throw new DataException(
            "dataset.train: " + spec.path() + ": no folder " + root.toAbsolutePath());
      }
      // The pattern selects the files; include still applies inside zip files.
      folder(root, Glob.of(spec.path().substring(cut + 1)), Set.of());
    } else {
      throw new DataException(
          "dataset.train: %s: no such file or folder (looked at %s)"
              .formatted(spec.path(), path.toAbsolutePath().normalize()));
    }
  }

  private void jdk() throws IOException {
    Path zip = places.javaHome().resolve("lib/src.zip");
    if (Files.isReadable(zip)) {
      zip(zip, "", Glob.of(spec.include()));
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
    folder(project, Glob.of(OWN_TEXT), OWN_OUTPUT);
  }

  private void folder(Path root, Glob wanted, Set<String> skippedFolders) throws IOException {
    Place place = place(root, "");
    Glob insideZips = Glob.of(spec.include());
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
              file(place, name, insideZips);
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private Place place(Path root, String prefix) {
    return new Place(source, root, prefix, spec.field(), joined());
  }

  private static boolean hidden(Path path) {
    return String.valueOf(path.getFileName()).startsWith(".");
  }

  /** One file. The entries of a zip file are filtered; the file itself has been already. */
  private void file(Place place, String name, Glob include) throws IOException {
    Path file = place.root().resolve(name);
    if (isZip(name)) {
      zip(file, name + "!/", include);
      return;
    }
    BasicFileAttributes attributes = Files.readAttributes(file, BasicFileAttributes.class);
    long changed = attributes.lastModifiedTime().to(TimeUnit.NANOSECONDS);
    add(new SourceFile(place, false, name, attributes.size(), changed));
  }

  private static boolean isZip(String name) {
    String lower = name.toLowerCase(Locale.ROOT);
    return lower.endsWith(".zip") || lower.endsWith(".jar");
  }

  private void zip(Path zip, String prefix, Glob include) throws IOException {
    Place place = place(zip, prefix);
    try (ZipFile open = new ZipFile(zip.toFile())) {
      open.stream()
          .filter(entry -> !entry.isDirectory() && include.matches(entry.getName()))
          .forEach(entry -> add(entry(place, entry)));
    }
  }

  private static SourceFile entry(Place place, ZipEntry entry) {
    return new SourceFile(place, true, entry.getName(), entry.getSize(), entry.getCrc());
  }

  private void add(SourceFile file) {
    if (files.size() == SourceFile.LIMIT) {
      throw new DataException(
          "dataset.train: %s has more than %,d files; join short ones into JSONL files"
              .formatted(spec.path(), SourceFile.LIMIT));
    }
    files.add(file);
  }
}

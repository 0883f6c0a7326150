@NullMarked
package dev.gyre.deploy.files;

import org.jspecify.annotations.NullMarked;

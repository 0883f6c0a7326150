@NullMarked
package dev.gyre.deploy.bench;

import org.jspecify.annotations.NullMarked;

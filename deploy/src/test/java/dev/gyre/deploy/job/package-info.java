@NullMarked
package dev.gyre.deploy.job;

import org.jspecify.annotations.NullMarked;

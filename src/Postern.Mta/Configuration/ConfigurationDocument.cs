using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>The reference of all settings, docs/config.md.</summary>
public static class ConfigurationDocument
{
    const string Preface = """
        # Configuration

        Made from the settings themselves; a test keeps it true.

        Postern reads one file in [TOML](https://toml.io), found by `--config`, then the environment variable
        `POSTERN_CONFIG`, then `/etc/postern/postern.toml`. With none of them it runs as a sandbox.
        `postern config check` tests a file, `postern config print` shows all that is in force and
        `postern config print --changed` what differs from the defaults. Unknown keys are errors.

        - **duration**: a whole number and its unit, `"100ms"`, `"30s"`, `"5m"`, `"4h"`, `"5d"`.
        - **size**: a whole number and its unit; `"25MB"` is 25 × 10^6 octets, `"50MiB"` 50 × 2^20.
        - **rate**: `"100/s"`, `"600/min"`, `"1000/hour"`, `"5000/day"`; a **quota** is by the day.
        - **secret**: `"file:/path"` or `"env:NAME"`, never the secret itself. The file may not be readable by
          others; one final line end is dropped. A **reference** is the same for what others may read.
        - **network**: `"192.0.2.0/24"`, `"2001:db8::/32"` or one address.
        - **address pattern**: `user@domain`, `*@domain`, `*@*.domain` (subdomains, not the domain itself),
          `*@*`, `<>` (the null sender) or `*`. In the part before the @, `*` is any run of characters.
          `user@domain` takes `user+tag@domain` too.
        - **path**: a relative one begins at the directory of the file.
        - **list**: one value alone may stand for a list of one.
        - **fraction**: from 0 to 1, as in `0.25`.

        ## Keys above all tables

        """;

    public static string Write()
    {
        var output = new StringBuilder(Preface.ReplaceLineEndings("\n").TrimEnd('\n')).Append('\n');
        PosternOptions.Settings.DescribeKeys("", output);
        return output.ToString();
    }
}

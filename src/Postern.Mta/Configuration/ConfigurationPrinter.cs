using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>
/// Writes options as a file that reads back to the same. Secrets stand as their references.
/// </summary>
public static class ConfigurationPrinter
{
    /// <summary>Everything, defaults too.</summary>
    public static string Print(PosternOptions options) => Print(options, changedOnly: false);

    /// <summary>Only what differs from the defaults.</summary>
    public static string PrintChanged(PosternOptions options) => Print(options, changedOnly: true);

    /// <summary>Every key that counts, with what differs from the defaults marked.</summary>
    public static IReadOnlyList<EffectiveSetting> List(PosternOptions options)
    {
        var found = new List<EffectiveSetting>();
        PosternOptions.Settings.List("", "", options, found);
        return found;
    }

    static string Print(PosternOptions options, bool changedOnly)
    {
        var output = new StringBuilder();
        PosternOptions.Settings.PrintBody(options, "", changedOnly, output);
        return output.ToString();
    }
}

/// <summary>One key of the configuration in force.</summary>
/// <param name="Section">The header it stands under; tables of a list with their number, from 1:
/// <c>[[routes]] 2</c>. Empty: the head of the file.</param>
/// <param name="Value">As TOML writes it; a secret as its reference. Null: none.</param>
/// <param name="Default">What holds where nothing is set. Null: nothing does, or the key is required.</param>
/// <param name="IsSet">Somebody set it to something else than the default.</param>
public sealed record EffectiveSetting(string Section, string Key, string? Value, string? Default, bool IsSet);

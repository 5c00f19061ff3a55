using System.Text;

namespace Postern.Mta.Configuration;

/// <summary>Writes options as a file that reads back to the same. Secrets stand as their references.</summary>
public static class ConfigurationPrinter
{
    /// <summary>Everything, defaults too.</summary>
    public static string Print(PosternOptions options) => Print(options, changedOnly: false);

    /// <summary>Only what differs from the defaults.</summary>
    public static string PrintChanged(PosternOptions options) => Print(options, changedOnly: true);

    static string Print(PosternOptions options, bool changedOnly)
    {
        var output = new StringBuilder();
        PosternOptions.Settings.PrintBody(options, "", changedOnly, output);
        return output.ToString();
    }
}

using System.Text;
using Postern.Api;
using Postern.Mta.Configuration;

namespace Postern.Cli;

/// <summary>What <c>config print</c> says of sending domains: which stand in the file, and which live in the
/// store (DESIGN §9.6).</summary>
static class DomainSources
{
    const string Table = "[domains.";
    const string InFile = "  # source: file";
    const string InStore = "]  # source: store\n";

    /// <summary>Of a server that <see cref="AccountSources.AskAsync"/> has found.</summary>
    public static async Task<DomainPage> AskAsync(CommandContext context, CancellationToken cancel)
    {
        using var server = context.OpenAdmin();
        return await server.GetAsync("admin/v1/domains", AdminJson.Default.DomainPage, cancel);
    }

    /// <summary>As <see cref="AccountSources.Mark"/> does it.</summary>
    /// <param name="running">Null: no server answers, which the text says already.</param>
    public static string Mark(string printed, DomainPage? running)
    {
        var text = new StringBuilder();
        foreach (var line in printed.TrimEnd('\n').Split('\n'))
        {
            var source = line.StartsWith(Table, StringComparison.Ordinal) ? InFile : "";
            text.Append(line).Append(source).Append('\n');
        }
        foreach (var domain in (running?.Domains ?? []).Where(domain => domain.Source == "store"))
            text.Append("# ").Append(Table).Append(TomlWriter.Key(domain.Name)).Append(InStore);
        return text.ToString();
    }
}

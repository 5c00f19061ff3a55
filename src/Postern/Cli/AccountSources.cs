using System.Text;
using Postern.Api;
using Postern.Mta;
using Postern.Mta.Configuration;

namespace Postern.Cli;

/// <summary>What <c>config print</c> says of accounts: which stand in the file, and which live in the store
/// (DESIGN §9.6).</summary>
static class AccountSources
{
    const string Table = "[accounts.";
    const string InFile = "  # source: file";
    const string InStore = "]  # source: store\n";
    const string NoServer = "# No running server answers: what its store holds is not shown.\n";

    /// <summary>The accounts of the running server that has this configuration's data directory, or of the
    /// one that was named. Null: none answers.</summary>
    public static async Task<AccountPage?> AskAsync(
        CommandContext context, PosternOptions options, CancellationToken cancel)
    {
        try
        {
            using var server = context.OpenAdmin();
            if (!context.NamesServer && !await HasDataAsync(server, options.Data, cancel))
                return null;
            return await server.GetAsync("admin/v1/accounts", AdminJson.Default.AccountPage, cancel);
        }
        catch (CommandException) when (!context.NamesServer)
        {
            return null;
        }
    }

    /// <summary>A socket may be that of another Postern, which the system or a sandbox runs.</summary>
    static async Task<bool> HasDataAsync(AdminClient server, string data, CancellationToken cancel)
    {
        var text = await server.GetAsync("admin/v1/config", AdminJson.Default.ConfigurationText, cancel);
        // Printed paths are absolute: where the text lies does not matter.
        var running = ConfigurationReader.ReadText(
            text.Toml, ConfigurationLocation.SystemPath, new ConfigurationSurroundings()).Options;
        return Path.GetFullPath(running.Data) == Path.GetFullPath(data);
    }

    /// <summary>
    /// The printed configuration with the source of each account. Those of the store stand in comments, so
    /// that the text stays a configuration that says what the file says.
    /// </summary>
    /// <param name="running">Null: no server answers.</param>
    public static string Mark(string printed, AccountPage? running)
    {
        var text = new StringBuilder();
        foreach (var line in printed.TrimEnd('\n').Split('\n'))
        {
            var source = line.StartsWith(Table, StringComparison.Ordinal) ? InFile : "";
            text.Append(line).Append(source).Append('\n');
        }
        if (running is null)
            return text.Append(NoServer).ToString();
        foreach (var account in running.Accounts.Where(account => account.Source == "store"))
        {
            text.Append("# ").Append(Table).Append(TomlWriter.Key(account.Name)).Append(InStore);
            if (account.Senders.Count > 0)
                text.Append("# senders = ").Append(TomlWriter.List(account.Senders)).Append('\n');
            AppendLimit(text, "rate", account.Rate);
            AppendLimit(text, "quota", account.Quota);
        }
        return text.ToString();
    }

    static void AppendLimit(StringBuilder text, string key, string? limit)
    {
        if (limit is not null)
            text.Append("# ").Append(key).Append(" = \"").Append(limit).Append("\"\n");
    }
}

using Postern.Mta.Transports.Forward;
using Postern.Smtp;

namespace Postern.Mta.Configuration;

sealed partial class ConfigurationValidator
{
    static readonly TimeSpan MilterTimeMax = TimeSpan.FromMinutes(5);

    void CheckInbound()
    {
        var delimiter = options.Inbound.Delimiter;
        if (delimiter.Length > 1 || delimiter.Any(
            c => !char.IsAscii(c) || char.IsAsciiLetterOrDigit(c) || c is '@' or '"' or <= ' '))
            at.Error("inbound.delimiter", "must be one sign such as \"+\" or \"-\", or empty");
        if (options.Inbound.Postmaster is { } postmaster
            && (!Mailbox.TryParse(postmaster, out var mailbox) || mailbox.Domain.Length == 0))
            at.Error("inbound.postmaster", $"\"{postmaster}\" is no address; write \"admin@example.org\"");
        CheckZones("inbound.block-lists", options.Inbound.BlockLists);
        CheckZones("inbound.allow-lists", options.Inbound.AllowLists);
        CheckFilter("inbound.clamav", options.Inbound.Clamav.Timeout, options.Inbound.Clamav.SizeMax);
        CheckFilter("inbound.rspamd", options.Inbound.Rspamd.Timeout, options.Inbound.Rspamd.SizeMax);
        if (options.Inbound.Rspamd.Url is { } url
            && (!WebTarget.IsUrl(url) || url.Contains('?', StringComparison.Ordinal)))
            at.Error("inbound.rspamd.url", $"\"{url}\" is no URL; write \"http://127.0.0.1:11333\"");
        if (options.Inbound.Rspamd.Password is { } password && password.Value.Any(char.IsControl))
            at.Error("inbound.rspamd.password", "holds control characters, which no header can");
        CheckDoor();
        CheckMilters();
        CheckVerdicts();
    }

    /// <summary>A client waits five minutes for the greeting (RFC 5321 §4.5.3.2.1), and some give up after
    /// one.</summary>
    void CheckDoor()
    {
        if (options.Inbound.GreetWait > TimeSpan.FromMinutes(1))
            at.Error("inbound.greet-wait", "must be 1m at most");
        var greylist = options.Inbound.Greylist;
        if (greylist.Wait > TimeSpan.FromHours(4))
            at.Error("inbound.greylist.wait", "must be 4h at most");
        if (greylist.IsOn && greylist.RetryWithin <= greylist.Wait)
            at.Error("inbound.greylist.retry-within", "must be longer than inbound.greylist.wait");
        if (greylist.IsOn && greylist.Keep < TimeSpan.FromDays(7))
            at.Error("inbound.greylist.keep", "must be 7d at least");
    }

    /// <summary>The client waits for filters after its dot, ten minutes (RFC 5321 §4.5.3.2.6), and may have
    /// waited for DNS before.</summary>
    void CheckFilter(string path, TimeSpan timeout, long sizeMax)
    {
        if (timeout <= TimeSpan.Zero || timeout > TimeSpan.FromMinutes(5))
            at.Error($"{path}.timeout", "must be longer than nothing, and 5m at most");
        if (sizeMax <= 0)
            at.Error($"{path}.size-max", "must be more than nothing");
    }

    void CheckMilters()
    {
        var names = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < options.Inbound.Milters.Count; i++)
        {
            var path = Reading.Item("inbound.milters", i);
            var milter = options.Inbound.Milters[i];
            if (!names.Add(milter.Name))
                at.Error($"{path}.name", $"\"{milter.Name}\" is the name of a milter above too");
            if (milter.Name.Length > 64 || milter.Name.Any(
                c => !char.IsAsciiLetterOrDigit(c) && c is not ('-' or '_' or '.')))
                at.Error($"{path}.name", "must be letters, digits, \"-\", \"_\" and \".\", 64 at most");
            CheckFilter(path, milter.Timeout, milter.SizeMax);
        }
        // One is asked after the other, and the client has no more patience than for one.
        var together = options.Inbound.Milters.Aggregate(
            TimeSpan.Zero, (sum, milter) => sum + Min(milter.Timeout, MilterTimeMax));
        if (options.Inbound.Milters.Count > 1 && together > MilterTimeMax)
            at.Error("inbound.milters", $"their timeouts are {Units.FormatDuration(together)} together, and "
                + $"may be {Units.FormatDuration(MilterTimeMax)}");

        static TimeSpan Min(TimeSpan one, TimeSpan other) => one < other ? one : other;
    }

    void CheckVerdicts()
    {
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < options.Inbound.Verdicts.Count; i++)
        {
            var path = Reading.Item("inbound.verdicts", i);
            var verdict = options.Inbound.Verdicts[i];
            if (!names.TryAdd(verdict.Name, i))
                at.Error($"{path}.name",
                    $"\"{verdict.Name}\" is the name of the verdict on line "
                    + $"{at.LineOf(Reading.Item("inbound.verdicts", names[verdict.Name]))} too");
            CheckNames($"{path}.listed", verdict.Listed, options.Inbound.BlockLists,
                "block list", "block lists");
            CheckNotEmpty($"{path}.from", verdict.From);
            CheckNotEmpty($"{path}.listed", verdict.Listed);
            CheckCheck($"{path}.spf", verdict.Spf, MailCheck.Spf);
            CheckCheck($"{path}.dkim", verdict.Dkim, MailCheck.Dkim);
            CheckCheck($"{path}.dmarc", verdict.Dmarc, MailCheck.Dmarc);
            CheckCheck($"{path}.dmarc-policy", verdict.DmarcPolicy, MailCheck.Dmarc);
            CheckCheck($"{path}.arc", verdict.Arc, MailCheck.Arc);
            CheckCheck($"{path}.iprev", verdict.Iprev, MailCheck.Iprev);
            CheckCheck($"{path}.helo", verdict.Helo, MailCheck.Helo);
            CheckAsked($"{path}.spam", verdict.Spam, options.Inbound.Rspamd.Url, "inbound.rspamd.url");
            CheckAsked($"{path}.virus", verdict.Virus, options.Inbound.Clamav.Address,
                "inbound.clamav.address");
            CheckAsked($"{path}.milter", verdict.Milter,
                options.Inbound.Milters is [var milter, ..] ? milter : null, "inbound.milters");
        }
    }

    void CheckZones(string path, IReadOnlyList<string> zones)
    {
        for (var i = 0; i < zones.Count; i++)
            if (!HostName.IsValid(zones[i]))
                at.Error(Reading.Item(path, i),
                    $"\"{zones[i]}\" is no DNS zone; write \"zen.spamhaus.org\"");
    }

    /// <summary>The same where no filter is asked.</summary>
    /// <param name="filter">Null: it is not configured.</param>
    void CheckAsked<T>(string path, IReadOnlyList<T>? wanted, object? filter, string key)
    {
        CheckNotEmpty(path, wanted);
        if (wanted is { Count: > 0 } && filter is null)
            at.Error(path, $"is never known; set {key}");
    }

    /// <summary>A verdict that waits for what nobody looks at would never match.</summary>
    void CheckCheck<T>(string path, IReadOnlyList<T>? wanted, MailCheck check)
    {
        CheckNotEmpty(path, wanted);
        if (wanted is { Count: > 0 } && !options.Inbound.Checks.Contains(check))
            at.Error(path, $"is never known; add \"{check.ToString().ToLowerInvariant()}\" to "
                + "inbound.checks");
    }
}

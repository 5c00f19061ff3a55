using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Postern.Mta.Intake;
using Postern.Mta.Transports.Forward;

namespace Postern.Mta.Configuration;

/// <summary>
/// Checks what one value alone cannot show: names that refer to others, and settings that may not stand
/// together.
/// </summary>
sealed partial class ConfigurationValidator(PosternOptions options, Reading at)
{
    public void Validate()
    {
        CheckHostname();
        CheckListeners();
        CheckTls();
        CheckLimits();
        CheckInbound();
        CheckForward();
        CheckAccounts();
        CheckDomains();
        CheckApi();
        CheckTracking();
        CheckTelemetry();
        CheckDashboard();
        foreach (var (name, transport) in options.Transports)
            CheckTransport(Reading.Join("transports", name), name, transport);
        CheckRoutes();
        CheckAliases();
    }

    void CheckApi()
    {
        if (options.Api.Url is { } url
            && (!WebTarget.IsUrl(url) || url.Contains('?', StringComparison.Ordinal)))
            at.Error("api.url", $"\"{url}\" is no URL; write \"https://mail.example.org\"");
    }

    /// <summary>It stands in front of every link, also in HTML and in a header field.</summary>
    void CheckTracking()
    {
        const int charactersMax = 200;
        if (options.Tracking.Url is not { } url)
        {
            if (options.Tracking.OwnNames)
                at.Error("tracking.own-names", "needs tracking.url beside it: the host that they lead to");
        }
        else if (!WebTarget.IsUrl(url) || url.Length > charactersMax
            || url.Any(c => !char.IsAsciiLetterOrDigit(c)
                && !"-._~:/[]".Contains(c, StringComparison.Ordinal)))
            at.Error("tracking.url", $"\"{url}\" is no URL; write \"https://links.example.org\"");
    }

    void CheckTelemetry()
    {
        var (url, headers) = (options.Telemetry.Otlp, options.Telemetry.Headers);
        if (url is not null && (!WebTarget.IsUrl(url) || url.Contains('?', StringComparison.Ordinal)))
            at.Error("telemetry.otlp", $"\"{url}\" is no URL; write \"http://127.0.0.1:4318\"");
        if (headers is not null && !headers.Value.Split(',').All(IsHeader))
            at.Error(
                "telemetry.headers",
                $"{headers.Reference} holds something else than \"name=value\" with commas in between");
        else if (headers is not null && url is not null && Uri.TryCreate(url, UriKind.Absolute, out var place)
            && place.Scheme != Uri.UriSchemeHttps && !Transports.PubSub.PubSubEndpoint.IsLoopback(place))
            at.Error(
                "telemetry.headers",
                "would be readable on the way to otlp; write that with https, or take the headers out");
    }

    static bool IsHeader(string pair) => pair.IndexOf('=', StringComparison.Ordinal) is > 0 and var equals
        && !pair.AsSpan().ContainsAnyExceptInRange(' ', '~')
        && pair[..equals].Trim() is { Length: > 0 } name
        && name.All(c => char.IsAsciiLetterOrDigit(c) || "-_.".Contains(c, StringComparison.Ordinal));

    void CheckAliases()
    {
        var errors = new List<ConfigurationError>();
        AliasTable.Load(options, errors);
        foreach (var error in errors)
            if (error.File.Length > 0)
                at.Errors.Add(error);
            else
                at.Error(error.Key, error.Text);
    }

    void CheckHostname()
    {
        if (!HostName.IsValid(options.Hostname))
            at.Error("hostname", $"\"{options.Hostname}\" is no host name; write \"mx.example.org\"");
        if (options.Submission.Origin is { } origin && !HostName.IsValid(origin))
            at.Error("submission.origin", $"\"{origin}\" is no domain; write \"example.org\"");
    }

    void CheckTls()
    {
        var (certificate, key) = (options.Tls.Certificate, options.Tls.Key);
        if (certificate is null && key is null)
            return;
        if (certificate is null || key is null)
        {
            at.Error(certificate is null ? "tls.key" : "tls.certificate",
                certificate is null ? "needs tls.certificate beside it" : "needs tls.key beside it");
            return;
        }
        var chain = SecretReader.ReadFile(certificate, SecretReach.Anybody, out var certificateMend);
        if (certificateMend is not null)
            at.Error("tls.certificate", certificateMend);
        var pem = SecretReader.ReadFile(key, SecretReach.Owner, out var keyMend);
        if (keyMend is not null)
            at.Error("tls.key", keyMend);
        if (chain is null || pem is null)
            return;
        try
        {
            X509Certificate2.CreateFromPem(chain).Dispose();
        }
        catch (CryptographicException)
        {
            at.Error("tls.certificate", $"{certificate} holds no PEM certificate");
            return;
        }
        try
        {
            X509Certificate2.CreateFromPem(chain, pem).Dispose();
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException)
        {
            at.Error(
                "tls.key", $"{key} holds no PEM key that belongs to the first certificate of {certificate}");
        }
    }

    void CheckLimits()
    {
        if (options.Limits.MessageSize < 64 * 1024)
            at.Error("limits.message-size", "must be 64KiB at least (RFC 5321 §4.5.3.1.7)");
        if (options.Limits.Memory < 1 << 20)
            at.Error("limits.memory", "must be 1MiB at least");
        CheckPositive("limits.command-timeout", options.Limits.CommandTimeout);
        CheckPositive("queue.lifetime", options.Queue.Lifetime);
        CheckPositive("queue.bounce-lifetime", options.Queue.BounceLifetime);
    }

    void CheckAccounts()
    {
        foreach (var name in options.Accounts.Keys)
            if (name.Length is 0 or > 255 || name.Any(char.IsControl))
                at.Error(Reading.Join("accounts", name),
                    "an account's name has 1 to 255 characters, none of them a control character");
    }

    void CheckDomains()
    {
        foreach (var name in options.Domains.Keys)
            if (!HostName.IsValid(name))
                at.Error(Reading.Join("domains", name),
                    $"\"{name}\" is no domain; write [domains.\"example.org\"]");
    }

    void CheckRoutes()
    {
        var names = new Dictionary<string, int>(StringComparer.Ordinal);
        for (var i = 0; i < options.Routes.Count; i++)
        {
            var path = Reading.Item("routes", i);
            var route = options.Routes[i];
            if (!names.TryAdd(route.Name, i))
                at.Error($"{path}.name",
                    $"\"{route.Name}\" is the name of the route on line "
                    + $"{at.LineOf(Reading.Item("routes", names[route.Name]))} too");
            CheckVia(path, route);
            CheckDoor(path, route);
            CheckNames($"{path}.account", route.Account,
                [.. options.Accounts.Keys, .. at.Surroundings.StoredAccounts], "account", "accounts");
            CheckNames($"{path}.listener", route.Listener,
                [.. options.Listen.Select(l => l.DisplayName)], "listener", "listeners");
            CheckNotEmpty($"{path}.from", route.From);
            CheckNotEmpty($"{path}.to", route.To);
            CheckNotEmpty($"{path}.retry", route.Retry);
            for (var wait = 0; wait < route.Retry?.Count; wait++)
                CheckPositive(Reading.Item($"{path}.retry", wait), route.Retry[wait]);
            if (route.GiveUp is { } giveUp)
                CheckPositive($"{path}.give-up", giveUp);
            CheckDelayWarning(path, route);
        }
    }

    void CheckDelayWarning(string path, RouteOptions route)
    {
        if (route.DelayWarning is not { } warning)
            return;
        CheckPositive($"{path}.delay-warning", warning);
        var end = route.GiveUp ?? options.Queue.Lifetime;
        if (warning >= end)
            at.Error($"{path}.delay-warning",
                $"must be less than the {Units.FormatDuration(end)} after which the recipient ends");
    }

    void CheckVia(string path, RouteOptions route)
    {
        if (at.Has($"{path}.via") && route.Via.Count == 0)
            at.Error($"{path}.via", "names no transport");
        CheckNames($"{path}.via", route.Via, [.. options.Transports.Keys], "transport", "transports");
        for (var i = 0; i < route.Via.Count; i++)
            if (route.Via.Take(i).Contains(route.Via[i], StringComparer.Ordinal))
                at.Error(Reading.Item($"{path}.via", i), $"\"{route.Via[i]}\" stands there twice");
    }

    /// <summary>No open relay by omission (DESIGN §1.1 law 10).</summary>
    void CheckDoor(string path, RouteOptions route)
    {
        if (!route.Accepts.HasFlag(MailDoors.Mx))
            return;
        if (route.To is null)
        {
            at.Error($"{path}.accepts", "an mx route names its recipients; add to = [\"*@example.org\"]");
            return;
        }
        var relays = route.Via.Any(v => options.Transports.TryGetValue(v, out var transport)
            && transport.Kind is TransportKind.Smtp or TransportKind.Mailgun);
        for (var i = 0; i < route.To.Count; i++)
            if (relays && route.To[i].IsAnyDomain)
                at.Error(Reading.Item($"{path}.to", i),
                    $"\"{route.To[i]}\" with accepts = \"mx\" would make an open relay; name the domains");
    }

    void CheckNames(
        string path, IReadOnlyList<string>? names, IReadOnlyCollection<string> known,
        string what, string many)
    {
        CheckNotEmpty(
            path, names is { Count: 0 } && !path.EndsWith(".via", StringComparison.Ordinal) ? names : null);
        for (var i = 0; i < names?.Count; i++)
            if (!known.Contains(names[i], StringComparer.Ordinal))
                at.Error(Reading.Item(path, i),
                    $"there is no {what} \"{names[i]}\"; {Nearest.Hint(names[i], known, many)}");
    }

    void CheckNotEmpty<T>(string path, IReadOnlyList<T>? list)
    {
        if (list is { Count: 0 } && !HasItems(path))
            at.Error(path, "is an empty list and matches nothing; take it out for any");
    }

    /// <summary>
    /// Items stood there and were refused, so that the list is empty by an error already told.
    /// </summary>
    bool HasItems(string path) => at.Has(Reading.Item(path, 0));

    void CheckPositive(string path, TimeSpan duration)
    {
        if (duration <= TimeSpan.Zero)
            at.Error(path, "must be longer than nothing");
    }
}

namespace Postern.Mta.Configuration;

/// <summary>
/// The options with no file at all: loopback only, connecting nowhere else (DESIGN §4, §9.6).
/// </summary>
public static class SandboxOptions
{
    /// <summary>User and password alike.</summary>
    public const string User = "sandbox";

    public const string ApiKey = "sandbox-key";
    public const string Domain = "sandbox.localhost";
    public const string InboundDomain = "in.localhost";

    /// <summary>Where the sandbox keeps its data between runs: the user's state directory (XDG).</summary>
    /// <param name="variable">The environment.</param>
    public static string DataDirectory(Func<string, string?> variable)
    {
        if (variable("XDG_STATE_HOME") is { } state && state.StartsWith('/'))
            return Path.Combine(state, "postern");
        var home = variable("HOME") is { } path && path.StartsWith('/') ? path : Path.GetTempPath();
        return Path.Combine(home, ".local", "state", "postern");
    }

    /// <param name="data">See <see cref="DataDirectory"/>.</param>
    /// <param name="script">What inbound mail is piped to: an executable, by its whole path.</param>
    public static PosternOptions Create(string data, SandboxRelay relay, string script) => new()
    {
        Hostname = "localhost",
        Data = data,
        Listen =
        [
            new ListenOptions { Name = "submission", On = "127.0.0.1:2587", For = ListenFor.Submission },
            new ListenOptions { Name = "submission-2525", On = "127.0.0.1:2525", For = ListenFor.Submission },
            new ListenOptions { Name = "mx", On = "127.0.0.1:2526", For = ListenFor.Mx },
            new ListenOptions { Name = "http", On = "127.0.0.1:8025", For = ListenFor.Http },
        ],
        Accounts = new Dictionary<string, AccountOptions>
        {
            [User] = new() { Password = new Secret("sandbox:", User) },
        },
        Api = new ApiOptions { Keys = [new Secret("sandbox:", ApiKey)] },
        Domains = new Dictionary<string, DomainOptions>
        {
            [Domain] = new() { ApiKeys = [new Secret("sandbox:", ApiKey)] },
        },
        Log = new LogOptions { Conversation = KeptConversations.All },
        // An application under development listens on the same machine.
        Webhooks = new WebhookOptions
        {
            Public = false,
            Networks = [Network.Parse("127.0.0.0/8"), Network.Parse("::1")],
        },
        Transports = new Dictionary<string, TransportOptions>
        {
            ["provider"] = new()
            {
                Kind = TransportKind.Smtp,
                Host = relay.Host,
                Tls = TransportTls.Required,
                Ca = new Secret("sandbox:", relay.CaPem),
                Login = new Secret("sandbox:", relay.Login),
            },
            ["script"] = new()
            {
                Kind = TransportKind.Pipe,
                Argv = [script, "${sender}", "${recipient}"],
                SameUser = true,
                TimeLimit = TimeSpan.FromMinutes(1),
            },
        },
        Routes =
        [
            new RouteOptions
            {
                Name = "inbound",
                To = [Routing.AddressPattern.Parse($"*@{InboundDomain}")],
                Accepts = MailDoors.Mx,
                Via = ["script"],
            },
            new RouteOptions { Name = "everything", Via = ["provider"] },
        ],
    };
}

/// <summary>The relay inside the sandbox's own process, as it turned out to listen.</summary>
/// <param name="Host">Its next hop, <c>[127.0.0.1]:PORT</c>; loopback.</param>
/// <param name="CaPem">What its certificate is verified with.</param>
/// <param name="Login"><c>user:password</c>.</param>
public sealed record SandboxRelay(string Host, string CaPem, string Login);

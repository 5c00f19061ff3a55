using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using Postern.Listeners;
using Postern.Mta;
using Postern.Mta.Accounts;
using Postern.Mta.Store;

namespace Postern.Dashboard;

/// <summary>Everything that signing in needs: who may, who is, and whether a form is one of ours.</summary>
/// <remarks>
/// Three cookies. That of a session; and before there is one, a login form's, whose value its field
/// <c>csrf</c> is made of, so that nobody can sign another one in under his own name; and that of
/// a way to the provider and back.
/// </remarks>
sealed class SignIn : IAsyncDisposable
{
    const string SessionCookie = "postern-session";
    const string FormCookie = "postern-login";
    const string OidcCookie = "postern-oidc";

    /// <summary>Browsers take it over TLS alone, from this host alone, for all of its paths.</summary>
    const string HostPrefix = "__Host-";

    const int FormOctets = 16;

    /// <summary>Of 16 octets in base64url.</summary>
    const int FormCharacters = 22;

    static readonly TimeSpan SweepEvery = TimeSpan.FromMinutes(1);

    readonly ITimer timer;

    SignIn(MailTransferAgent agent, TimeProvider clock)
    {
        Users = agent.Users;
        Logins = agent.Logins;
        ObjectWriter put = agent.Queue.PutObjectsAsync;
        Links = new LoginLinks(agent.Store, put, Users, clock);
        Sessions = new Sessions(
            agent.Store, put, agent.Queue.PostObjects, Users, () => agent.Options.Dashboard, clock);
        Origins = new Origins(() => agent.Options.Dashboard);
        Clock = clock;
        Provider = new OidcProvider(clock);
        timer = clock.CreateTimer(_ => Sessions.Sweep(), null, SweepEvery, SweepEvery);
    }

    public UserDirectory Users { get; }
    public LoginThrottle Logins { get; }
    public Passwords Passwords { get; } = new();
    public LoginLinks Links { get; }
    public Sessions Sessions { get; }
    public Origins Origins { get; }
    public OidcProvider Provider { get; }
    public TimeProvider Clock { get; }

    /// <summary>Signs in the one who started Postern. Null: there are users, or no listener for
    /// them.</summary>
    public string? FirstLink { get; private set; }

    /// <param name="bound">The listeners, as bound.</param>
    public static async ValueTask<SignIn> OpenAsync(
        MailTransferAgent agent, IReadOnlyList<BoundListener> bound, TimeProvider clock,
        CancellationToken cancel)
    {
        var signIn = new SignIn(agent, clock);
        await signIn.Sessions.LoadAsync(cancel);
        await signIn.OpenFirstLinkAsync(agent, bound, cancel);
        return signIn;
    }

    async ValueTask OpenFirstLinkAsync(
        MailTransferAgent agent, IReadOnlyList<BoundListener> bound, CancellationToken cancel)
    {
        // A full store takes no mail; this it takes. After a failed flush nobody needs a link.
        if (agent.Store.Health == StoreHealth.Failed)
            return;
        if (Sessions.IsOpen(Users, agent.Options.Dashboard) && OriginOf(agent.Options, bound) is { } origin)
            FirstLink = (await Links.CreateFirstAsync(cancel)).At(origin);
        else
            await Links.EndFirstAsync(cancel);
    }

    /// <summary>Where printed links lead: the configured origin, or the first listener that serves the
    /// dashboard. Null: none does.</summary>
    public static string? OriginOf(PosternOptions options, IReadOnlyList<BoundListener> bound)
    {
        var first = bound.FirstOrDefault(one => one.Options.For == ListenFor.Http
            && one.Options.Serves?.Contains(HttpFace.Dashboard) != false);
        if (first is null || options.Dashboard.Url is not null)
            return first is null ? null : options.Dashboard.Url;
        var scheme = first.Options.Tls == ListenTls.Immediate ? "https" : "http";
        var address = first.Address;
        return address.Address.Equals(IPAddress.Any) || address.Address.Equals(IPAddress.IPv6Any)
            ? string.Create(null, $"{scheme}://{options.Hostname}:{address.Port}") : $"{scheme}://{address}";
    }

    /// <summary>Null: nobody is signed in.</summary>
    public Access? Find(HttpContext context) =>
        Read(context, SessionCookie) is { } token ? Sessions.Find(token) : null;

    /// <summary>Signs somebody in: a new session, and its cookie.</summary>
    public async ValueTask StartAsync(HttpContext context, SessionOwner owner)
    {
        var token = await Sessions.StartAsync(
            owner, Origins.ClientOf(context).ToString(), Find(context)?.Session);
        Write(context, SessionCookie, token);
        Drop(context, FormCookie);
    }

    public async ValueTask EndAsync(HttpContext context, Access access)
    {
        Drop(context, SessionCookie);
        await Sessions.EndAsync(access.Session);
    }

    /// <summary>The form was written on a page of this session; else nothing it asks for is done, and the
    /// answer is 403.</summary>
    /// <param name="form">As it was read. Null: there was none.</param>
    public bool IsOurPost(HttpContext context, IFormCollection? form, Access access) =>
        Origins.IsOurs(context) && Fits(form, access.Csrf);

    /// <summary>For the field <c>csrf</c> of a login form; its cookie goes out with the page.</summary>
    public string PrepareLoginForm(HttpContext context)
    {
        if (FormCookieOf(context) is not { } value)
        {
            value = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(FormOctets));
            Write(context, FormCookie, value);
        }
        return FormTokenOf(value);
    }

    /// <summary>The login form was a page of ours, in this browser.</summary>
    public bool IsOurLogin(HttpContext context, IFormCollection? form) => Origins.IsOurs(context)
        && FormCookieOf(context) is { } value && Fits(form, FormTokenOf(value));

    /// <summary>It comes back with a browser that the provider sends here: Strict would keep it
    /// away.</summary>
    public void WriteOidc(HttpContext context, string value)
    {
        var lax = OptionsOf(context);
        lax.SameSite = SameSiteMode.Lax;
        lax.MaxAge = OidcState.Lifetime;
        context.Response.Cookies.Append(NameOf(context, OidcCookie), value, lax);
    }

    /// <summary>It counts once. Null: there is none.</summary>
    public string? TakeOidc(HttpContext context)
    {
        var value = Read(context, OidcCookie);
        if (value is not null)
            Drop(context, OidcCookie);
        return value;
    }

    string? FormCookieOf(HttpContext context) =>
        Read(context, FormCookie) is { Length: FormCharacters } value ? value : null;

    internal static string FormTokenOf(string value) => Convert.ToHexStringLower(
        HMACSHA256.HashData(Encoding.UTF8.GetBytes(value), "login"u8).AsSpan(0, 16));

    static bool Fits(IFormCollection? form, string csrf) => form is not null
        && CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(form["csrf"].ToString()), Encoding.UTF8.GetBytes(csrf));

    /// <summary>Over TLS only the cookie with the prefix counts: the other one may have been put there over
    /// plain http.</summary>
    string NameOf(HttpContext context, string name) =>
        Origins.IsSecure(context) ? HostPrefix + name : name;

    string? Read(HttpContext context, string name) => context.Request.Cookies[NameOf(context, name)];

    void Write(HttpContext context, string name, string value) =>
        context.Response.Cookies.Append(NameOf(context, name), value, OptionsOf(context));

    void Drop(HttpContext context, string name) =>
        context.Response.Cookies.Delete(NameOf(context, name), OptionsOf(context));

    CookieOptions OptionsOf(HttpContext context) => new()
    {
        HttpOnly = true,
        Secure = Origins.IsSecure(context),
        SameSite = SameSiteMode.Strict,
        Path = "/",
    };

    public async ValueTask DisposeAsync()
    {
        await timer.DisposeAsync();
        Provider.Dispose();
        Links.Dispose();
        Passwords.Dispose();
    }
}

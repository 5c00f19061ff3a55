using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Postern.Mta.Configuration;

namespace Postern.Mta.Transports.Mailgun;

/// <summary>Calls of the API of one domain over kept connections, HTTP/2 where it is offered.</summary>
/// <remarks>The key goes to the configured host alone: redirects are not followed, no proxy of the
/// environment is asked, and links in answers give a path at most.</remarks>
sealed class MailgunApi : IDisposable
{
    const int HttpsPort = 443;

    /// <summary>Octets of an answer that are read; a page of 300 events has about 600 kB.</summary>
    const int AnswerOctetsMax = 4 << 20;

    static readonly TimeSpan ConnectMax = TimeSpan.FromSeconds(30);

    /// <summary>Addresses of the service change: a connection is not kept for ever.</summary>
    static readonly TimeSpan ConnectionAgeMax = TimeSpan.FromMinutes(5);

    readonly HttpClient client;
    readonly TimeProvider clock;
    volatile string? tls;

    /// <param name="handler">In the place of connections. Null: they are made.</param>
    public MailgunApi(TransportOptions options, TimeProvider clock, HttpMessageHandler? handler)
    {
        this.clock = clock;
        var address = AddressOf(options);
        Host = address.Host;
        Relay = $"{address.Host}:{address.Port}";
        var domain = $"/v3/{HostName.ToALabels(options.Domain!)}";
        Messages = new Uri(address, $"{domain}/messages.mime");
        Events = new Uri(address, $"{domain}/events");
        Domain = new Uri(address, $"{domain}/");
        client = new HttpClient(handler ?? MakeHandler(options.Ca), disposeHandler: true)
        {
            // The attempt's own limit counts.
            Timeout = Timeout.InfiniteTimeSpan,
        };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue(
            "Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes($"api:{options.Key!.Value}")));
        client.DefaultRequestHeaders.UserAgent.Add(new ProductInfoHeaderValue("Postern", null));
    }

    /// <summary>The name that answers, without port.</summary>
    public string Host { get; }

    /// <summary><c>host:port</c>.</summary>
    public string Relay { get; }

    /// <summary>What the last handshake agreed on, as in <c>TLSv1.3 with cipher ...</c>. Null: none
    /// yet.</summary>
    public string? Tls => tls;

    /// <summary>What takes a message.</summary>
    public Uri Messages { get; }

    public Uri Events { get; }

    /// <summary>What else belongs to the domain stands below it.</summary>
    public Uri Domain { get; }

    /// <exception cref="HttpRequestException">And others: see <see cref="IsBrokenCall"/>.</exception>
    public ValueTask<MailgunAnswer> PostAsync(HttpContent form, CancellationToken cancel) =>
        PostAsync(Messages, form, cancel);

    /// <inheritdoc cref="PostAsync(HttpContent, CancellationToken)"/>
    public ValueTask<MailgunAnswer> PostAsync(Uri address, HttpContent body, CancellationToken cancel) =>
        CallAsync(HttpMethod.Post, address, body, cancel);

    /// <inheritdoc cref="PostAsync(HttpContent, CancellationToken)"/>
    public ValueTask<MailgunAnswer> GetAsync(Uri address, CancellationToken cancel) =>
        CallAsync(HttpMethod.Get, address, content: null, cancel);

    /// <summary>A call broke off, or its time is over; not that the process stops.</summary>
    public static bool IsBrokenCall(Exception e, CancellationToken stop) =>
        e is HttpRequestException or IOException
        || (e is OperationCanceledException && !stop.IsCancellationRequested);

    public void Dispose() => client.Dispose();

    async ValueTask<MailgunAnswer> CallAsync(
        HttpMethod method, Uri address, HttpContent? content, CancellationToken cancel)
    {
        using var request = new HttpRequestMessage(method, address)
        {
            Content = content,
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionOrLower,
        };
        using var response =
            await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancel);
        return MailgunAnswer.Of(response, await ReadAsync(response.Content, cancel), clock.GetUtcNow());
    }

    static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(HttpContent content, CancellationToken cancel)
    {
        using var stream = await content.ReadAsStreamAsync(cancel);
        var body = new MemoryStream();
        var buffer = new byte[16 << 10];
        int count;
        // What is longer is cut, and can then not be read.
        while (body.Length < AnswerOctetsMax && (count = await stream.ReadAsync(buffer, cancel)) > 0)
            body.Write(buffer, 0, count);
        return body.GetBuffer().AsMemory(0, (int)body.Length);
    }

    static Uri AddressOf(TransportOptions options)
    {
        if (options.Host is not { } host)
            return new Uri(options.Region == "eu" ? "https://api.eu.mailgun.net" : "https://api.mailgun.net");
        return NextHop.TryParse(host, [HttpsPort], out var hop)
            ? new UriBuilder(Uri.UriSchemeHttps, hop.Host, hop.Ports[0]).Uri
            : throw new ArgumentException($"\"{host}\" is no host", nameof(options));
    }

    SocketsHttpHandler MakeHandler(Secret? ca)
    {
        var policy = new X509ChainPolicy { RevocationMode = X509RevocationMode.NoCheck };
        if (ca is { Value: var pem })
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.ImportFromPem(pem);
        }
        return new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            UseCookies = false,
            ActivityHeadersPropagator = DistributedContextPropagator.CreateNoOutputPropagator(),
            EnableMultipleHttp2Connections = true,
            ConnectTimeout = ConnectMax,
            PooledConnectionLifetime = ConnectionAgeMax,
            KeepAlivePingDelay = TimeSpan.FromSeconds(60),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(20),
            SslOptions = new SslClientAuthenticationOptions
            {
                CertificateChainPolicy = policy,
                EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            },
            PlaintextStreamFilter = (context, _) =>
            {
                if (context.PlaintextStream is SslStream secured)
                    tls = Describe(secured);
                return ValueTask.FromResult(context.PlaintextStream);
            },
        };
    }

    static string Describe(SslStream secured) =>
        $"{(secured.SslProtocol == SslProtocols.Tls13 ? "TLSv1.3" : "TLSv1.2")} with cipher "
        + secured.NegotiatedCipherSuite;
}

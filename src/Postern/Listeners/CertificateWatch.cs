using System.Globalization;
using Postern.Mta;

namespace Postern.Listeners;

/// <summary>Looks at the certificate's files and its end; raises and clears the alarms about them.</summary>
/// <remarks>
/// Law: one look at a time, every half minute; files named by a reloaded configuration are found by the
/// next look. Files that cannot be used leave the old certificate in place and raise an alarm (<c>tls</c>);
/// so does an end within 14 days.
/// </remarks>
sealed class CertificateWatch : IAsyncDisposable
{
    static readonly TimeSpan Every = TimeSpan.FromSeconds(30);

    const string Kind = "tls", OfFiles = "certificate-files", OfEnd = "certificate-end";

    readonly ServerCertificate certificate;
    readonly MailTransferAgent agent;
    readonly ITimer timer;
    Task looking = Task.CompletedTask;

    public CertificateWatch(ServerCertificate certificate, MailTransferAgent agent, TimeProvider clock)
    {
        this.certificate = certificate;
        this.agent = agent;
        timer = clock.CreateTimer(_ => Look(), null, TimeSpan.Zero, Every);
    }

    public async ValueTask DisposeAsync()
    {
        await timer.DisposeAsync();
        await looking;
    }

    void Look()
    {
        if (looking.IsCompleted)
            looking = LookAsync();
    }

    async Task LookAsync()
    {
        certificate.Rename(agent.Options.Tls);
        certificate.Refresh();
        if (certificate.Trouble is { } trouble)
            await agent.Queue.RaiseAlarmAsync(
                Kind, OfFiles, $"the changed certificate files cannot be used: {trouble}",
                "put a certificate and the key that belongs to it there; until then the old one is shown");
        else
            await agent.Queue.ClearAlarmAsync(Kind, OfFiles);
        if (certificate.EndsSoon)
            await agent.Queue.RaiseAlarmAsync(
                Kind, OfEnd,
                string.Create(
                    CultureInfo.InvariantCulture, $"the certificate ends on {certificate.NotAfter:u}"),
                "renew it; new files are found by themselves");
        else
            await agent.Queue.ClearAlarmAsync(Kind, OfEnd);
    }
}

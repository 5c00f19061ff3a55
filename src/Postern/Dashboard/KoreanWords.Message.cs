using System.Globalization;
using Postern.Mta.Events;
using Postern.Mta.Transports;

namespace Postern.Dashboard;

sealed partial class KoreanWords
{
    public override string NameOf(EventKind kind) => kind switch
    {
        EventKind.Accepted => "접수",
        EventKind.Rejected => "거부",
        EventKind.Delivered => "배달 완료",
        EventKind.Failed => "실패",
        EventKind.Opened => "열람",
        EventKind.Clicked => "링크 클릭",
        EventKind.Unsubscribed => "수신 거부",
        EventKind.Complained => "스팸 신고",
        EventKind.Stored => "보관",
        EventKind.Routed => "경로 변경",
        EventKind.Attempted => "전송 시도, 아직 전달 안 됨",
        EventKind.Relayed => "전달",
        EventKind.Held => "보류",
        EventKind.Released => "보류 해제",
        EventKind.Retried => "재시도 요청",
        EventKind.Cancelled => "취소",
        EventKind.Expired => "만료",
        EventKind.Expanded => "수신자 확장",
        EventKind.Delayed => "지연을 발신자에게 알림",
        EventKind.BouncedToSender => "발신자에게 반송",
        EventKind.DeadLettered => "배달 불능 메일로 보관",
        EventKind.Replayed => "다시 보냄",
        EventKind.AlarmRaised => "경보 발생",
        EventKind.AlarmCleared => "경보 해제",
        EventKind.Operated => "운영자 작업",
        _ => kind.ToString(),
    };

    public override string Fate(string fate) => fate switch
    {
        "waiting" => "대기 중",
        "held" => "보류됨",
        "relayed" => "전달됨",
        "delayed" => "제공자가 재시도 중",
        "delivered" => "배달됨",
        "failed" => "실패",
        "expanded" => "확장됨",
        "cancelled" => "취소됨",
        "expired" => "만료됨",
        _ => fate,
    };

    public override string NoSubject => "(제목 없음)";
    public override string Message => "메시지";
    public override string QueueId => "큐 ID";
    public override string MessageIdField => "Message-ID";
    public override string Size => "크기";
    public override string HandedInBy => "보낸 클라이언트";
    public override string Account => "계정";
    public override string Tags => "태그";
    public override string Checks => "인증 검사";
    public override string AcceptedAt => "접수";
    public override string Timeline => "타임라인";
    public override string WhatBecameOfIt => "처리 결과";
    public override string Original => "원래 주소";
    public override string RemoteId => "제공자 ID";
    public override string Attempts => "시도 횟수";
    public override string AttemptNumber(int number) => $"{number}번째 시도";
    public override string Reply => "응답";
    public override string Relay => "릴레이";
    public override string Encryption => "암호화";
    public override string NewConnection => "새 연결";
    public override string KeptConnection(int use) => $"기존 연결 재사용, 이 연결의 {use}번째 메일";
    public override string Blame => "원인";

    public override string NameOf(Blame blame) => blame switch
    {
        Mta.Transports.Blame.Recipient => "수신자",
        Mta.Transports.Blame.Message => "메시지",
        _ => "다음 홉",
    };

    public override string Uncertain => "불확실: 응답을 받지 못했으며, 이미 전달되었을 수도 있습니다";
    public override string ToldBy => "출처";

    public override string NameOfSource(string source) => source switch
    {
        "webhook" => "제공자 웹훅",
        "events" => "제공자 이벤트",
        "report" => "반송 보고서",
        "tracking" => "자체 추적",
        _ => source,
    };

    public override string Actor => "작업자";
    public override string Conversation => "대화 내용";
    public override string Delays => "소요 시간";
    public override string DelayBeforeQueue => "a: 순서가 오기까지";
    public override string DelayInQueue => "b: 연결 대기";
    public override string DelayConnecting => "c: 연결";
    public override string DelaySending => "d: 전송";
    public override string EventsLeftOut(int count) => $"중간의 이벤트 {Number(count)}건은 표시하지 않습니다.";
    public override string ForAllRecipients => "이 메시지의 모든 수신자:";
    public override string ForAll(string act, int recipients) => $"{act} (수신자 {Number(recipients)}명)";
    public override string ShowContent => "메일 내용 보기";
    public override string MoreRecipients(long count) => $"외 {Number(count)}명";
    public override string Hold => "보류";
    public override string Release => "보류 해제";
    public override string RetryNow => "지금 재시도";
    public override string Cancel => "취소…";
    public override string Expire => "만료 처리…";

    public override string Octets(long octets) => octets switch
    {
        < 1024 => $"{octets}B",
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{octets / 1024.0:0.#}KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{octets / 1048576.0:0.#}MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{octets / 1073741824.0:0.#}GiB"),
    };
}
